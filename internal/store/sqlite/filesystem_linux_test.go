package sqlite

import "testing"

func TestRemoteTypes(t *testing.T) {
	for name, numbers := range map[string][]uint32{ // as in statfs(2)
		"NFS": {0x6969}, "SMB": {0x517b, 0xfe534d42}, "CIFS": {0xff534d42}, "9p": {0x01021997}, "AFS": {0x5346414f, 0x6b414653},
		"Ceph": {0x00c36400}, "Coda": {0x73757245},
		"": {0xef53 /* ext4 */, 0x01021994 /* tmpfs */, 0x9123683e /* btrfs */, 0x58465342 /* xfs */, 0x794c7630 /* overlay */, 0x65735546 /* FUSE */},
	} {
		for _, n := range numbers {
			if got := remoteTypes[n]; got != name {
				t.Errorf("%#x is %q, want %q", n, got, name)
			}
		}
	}
	if got, err := remote("/proc"); got != "" || err != nil {
		t.Errorf("remote(/proc) = %q, %v, want a local one", got, err)
	}
	if _, err := remote("/not/there"); err == nil {
		t.Error("remote of a directory that is not there works")
	}
}

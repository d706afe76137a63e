package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// remoteTypes are the file systems of other machines, by the number that
// statfs gives them. FUSE is not among them: it serves local disks, too.
var remoteTypes = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.V9FS_MAGIC:       "9p",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.AFS_FS_MAGIC:     "AFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.NCP_SUPER_MAGIC:  "NCP",
	0x0bd00bd0:            "Lustre",
	0x47504653:            "GPFS",
	0x19830326:            "BeeGFS",
}

// remote returns the name of the file system of dir when it is that of another
// machine, else "".
func remote(dir string) (string, error) {
	var fs unix.Statfs_t
	for {
		err := unix.Statfs(dir, &fs)
		if !errors.Is(err, unix.EINTR) {
			return remoteTypes[uint32(fs.Type)], err
		}
	}
}

package sqlite

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// remote returns "network drive" when dir is on another machine, else "".
func remote(dir string) (string, error) {
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(dir) + `\`)
	if err != nil {
		return "", err
	}
	if windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return "network drive", nil
	}
	return "", nil
}

package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// backupFormat begins what is in a backup. A backup is a file of age; in it is a
// line of JSON, a manifest, and after that the SQLite file.
const backupFormat = "agentcreds-backup-1"

// manifest says what is in a backup.
type manifest struct {
	Format      string    `json:"format"`
	StoreID     string    `json:"storeId"`
	StoreFormat int       `json:"storeFormat"`
	Seq         int64     `json:"seq"` // of the last entry of the audit that it has
	Hash        string    `json:"hash"`
	Time        time.Time `json:"time"` // of that entry
	Size        int64     `json:"size"` // of the SQLite file, in bytes
	SHA256      string    `json:"sha256"`
}

// about is the manifest of a store in a file that nobody uses.
func about(ctx context.Context, file string) (m manifest, err error) {
	facts, err := sqlite.Examine(ctx, file)
	if err != nil {
		return m, err
	}
	f, err := os.Open(file)
	if err != nil {
		return m, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	return manifest{
		Format: backupFormat, StoreID: facts.ID, StoreFormat: facts.Format, Seq: facts.Head.Seq, Hash: facts.Head.Hash, Time: facts.Head.Time,
		Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)),
	}, err
}

// writeBackup encrypts the manifest and the file.
func writeBackup(out io.Writer, m manifest, file string, recipients []string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sealed, err := secret.EncryptStream(out, recipients)
	if err != nil {
		return err
	}
	if err := printJSON(sealed, m); err != nil {
		return err
	}
	if _, err := io.Copy(sealed, f); err != nil {
		return err
	}
	return sealed.Close()
}

// writeNew writes a file that appears whole, or not at all, for its owner alone.
// What was written is read again before it gets its name.
func writeNew(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	if err := errors.Join(write(out), out.Flush()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	again := sha256.New()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(again, f); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), again.Sum(nil)) {
		return errors.New("what was read back is not what was written")
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	// Where a directory cannot be synced, a loss of power can take the name away.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

// errBackup: the identity opens the file, and what is in it is not a backup.
var errBackup = errors.New("it is not a backup of this program, or one of a newer version")

// readBackup decrypts a backup into a file, and checks that it is what the manifest
// says: all of it, and unaltered.
func readBackup(ctx context.Context, in io.Reader, by secret.Identities, to *os.File) (m manifest, err error) {
	plain, err := by.DecryptStream(in)
	if err != nil {
		return m, err
	}
	text := bufio.NewReaderSize(plain, 64<<10)
	line, err := text.ReadSlice('\n')
	switch {
	case errors.Is(err, secret.ErrDamaged):
		return m, err
	case err != nil, json.Unmarshal(line, &m) != nil, m.Format != backupFormat:
		return m, errBackup
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(to, sum), text)
	switch {
	case err != nil:
		return m, err
	case size != m.Size || hex.EncodeToString(sum.Sum(nil)) != m.SHA256:
		return m, fmt.Errorf("%w: it has %d bytes that are not those that its manifest tells", secret.ErrDamaged, size)
	}
	has, err := about(ctx, to.Name())
	if err == nil && has != m {
		err = fmt.Errorf("%w: the store in it is not the one that its manifest tells", secret.ErrDamaged)
	}
	return m, err
}

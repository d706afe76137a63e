package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// A server that runs keeps others from changing the format of its store: nobody
// knows what it would do to it. It holds a lock of the system on the file
// <database>.lease, shared with other servers; the system takes that away when the
// process ends, however it ends. Whoever changes the format holds it alone. A line
// in the file tells who holds it; it says nothing once the lock is gone.

// leaseEnd follows the name of the database.
const leaseEnd = ".lease"

// holder is a line of the file.
type holder struct {
	Name    string    `json:"name"` // "serve 0.1.0"
	Process int       `json:"process"`
	Host    string    `json:"host"`
	Format  int       `json:"format"`
	Since   time.Time `json:"since"`
}

func (h holder) String() string {
	return fmt.Sprintf("%s (process %d on %s, since %s)", h.Name, h.Process, h.Host, h.Since.Format(time.RFC3339))
}

// leasedError says that servers use the store.
type leasedError struct{ holders []holder }

func (e *leasedError) Error() string {
	names := make([]string, len(e.holders))
	for i, h := range e.holders {
		names[i] = h.String()
	}
	if len(names) == 0 {
		return "it is in use by a server that has not said yet who it is"
	}
	return "it is in use by " + strings.Join(names, ", ")
}

// Unwrap makes it one of others who hold the store.
func (e *leasedError) Unwrap() error { return store.ErrBusy }

// hold makes the caller one of the servers that use the store.
func (s *Store) hold(ctx context.Context, name string) (err error) {
	if name == "" {
		return nil
	}
	since := time.Now()
	// What others have left there who are gone; not when there is somebody.
	_ = alone(ctx, s.file, once, func() error { return nil })
	if s.leased, err = openLease(s.file); err != nil {
		return err
	}
	err = s.patiently(ctx, since, func() error { return lockLease(s.leased, false) })
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	line, err := json.Marshal(holder{name, os.Getpid(), host, s.format, since.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	_, err = s.leased.Write(append(line, '\n'))
	return err
}

// alone calls fn while no server uses the store at path. Where one does, that is
// the error, at once.
func alone(ctx context.Context, path string, wait func(context.Context, time.Time, func() error) error, fn func() error) error {
	f, err := openLease(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // which gives the lock back
	var held error
	err = wait(ctx, time.Now(), func() error {
		err := lockLease(f, true)
		held = nil
		if locked(err) {
			if all := holders(f); len(all) > 0 {
				held = &leasedError{all}
				return nil
			}
		}
		return err
	})
	if locked(err) {
		return &leasedError{}
	}
	if err := errors.Join(err, held); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil { // nobody who stands there lives
		return err
	}
	return fn()
}

func openLease(path string) (*os.File, error) {
	if _, err := exists(path + leaseEnd); err != nil {
		return nil, err
	}
	return os.OpenFile(path+leaseEnd, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// holders are those who stand in the file and whose process lives.
func holders(f *os.File) (all []holder) {
	text := make([]byte, 64<<10)
	n, _ := f.ReadAt(text, 0)
	host, _ := os.Hostname()
	for line := range strings.Lines(string(text[:n])) {
		var h holder
		if json.Unmarshal([]byte(line), &h) == nil && (h.Host != host || lives(h.Process)) {
			all = append(all, h)
		}
	}
	return all
}

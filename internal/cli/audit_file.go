package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// maxLine is far more than an entry has.
const maxLine = 1 << 20

// exportFile is an audit in a file: what audit export printed, or an audit log.
type exportFile struct {
	name  string // "-" is the standard input; "": none
	after int64
}

func (f *exportFile) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.name, "file", "", "`file` with what audit export or serve --audit-log wrote, or - for standard\ninput, to check instead of a database")
	c.Flags().Int64Var(&f.after, "after", 0, "of a file: it may begin after the entry with this `number`")
}

// check refuses flags that do not go together.
func (f *exportFile) check(c *cobra.Command) error {
	if f.name == "" {
		if c.Flags().Changed("after") {
			return usage(errors.New("--after goes only with --file"))
		}
		return nil
	}
	for _, other := range []string{"database", "endpoint"} {
		if c.Flags().Changed(other) { // on the command line; the environment is for others too
			return usage(fmt.Errorf("--file and --%s exclude each other", other))
		}
	}
	return checkAfter(f.after)
}

// verify checks the file.
func (f *exportFile) verify(c *cobra.Command, known api.AuditCheckpoint, kept *keptCheckpoint) (verified, error) {
	in, name := c.InOrStdin(), "standard input"
	if f.name != "-" {
		file, err := os.Open(f.name)
		if err != nil {
			return verified{}, hint(err, "name a file with what audit export printed")
		}
		defer func() { _ = file.Close() }()
		in, name = file, f.name
	}
	r := &lines{proof: proof{known: known, after: f.after}, kept: kept}
	if err := r.read(in); err != nil {
		return verified{}, fmt.Errorf("%s, %w", name, err)
	}
	if err := r.end(); err != nil {
		if r.first().First.Seq > 1 && errors.Is(err, audit.ErrBroken) {
			err = hint(err, "give the part before it too (cat PART1 PART2 | audit verify --file -), or say where it was begun: --after %d", r.first().First.Seq-1)
		}
		return verified{}, fmt.Errorf("%s: %w", name, err)
	}
	out := r.found()
	out.StoreID, out.Signed, out.Torn = r.storeID(), r.signed, r.broken
	return out, nil
}

// lines checks the lines of a file.
type lines struct {
	proof
	kept   *keptCheckpoint
	each   func(audit.Entry) // hears of every entry, once; nil: nobody
	birth  string            // the id of the store, which the first entry of all names
	hashes []string          // of the entries, from the first on
	signed int64             // checkpoints whose signature was checked
	torn   int               // the line that is broken off, as long as what it held has not come again
	broken int64             // how many such lines there were
}

// read takes line by line. The error begins with the number of the line.
func (r *lines) read(in io.Reader) error {
	text := bufio.NewReaderSize(in, maxLine)
	for n := 1; ; n++ {
		line, err := text.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d: it is longer than an entry can be", n)
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("line %d: %w", n, err)
		case len(line) == 0:
			if r.torn > 0 {
				return fmt.Errorf("line %d: %w: it is broken off, and what it held does not come again", r.torn, audit.ErrBroken)
			}
			return nil
		}
		if err := r.line(n, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// errLine: the file is for machines, and taken as exactly what was written: a
// text that two readers could understand differently proves nothing.
var errLine = fmt.Errorf("%w: it is not as audit export writes it", audit.ErrBroken)

func (r *lines) line(n int, text []byte) error {
	var kind struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(text, &kind) != nil {
		if !tornOff(text) {
			return errLine
		}
		r.torn, r.broken = n, r.broken+1
		return nil
	}
	switch kind.Type {
	case "":
		return readLine(text, func(e api.AuditEvent) error { return r.entry(entryOf(e)) })
	case logEvent:
		return readLine(text, func(e loggedEvent) error { return r.logged(entryOf(e.AuditEvent)) })
	case logCheckpoint:
		return readLine(text, func(cp loggedCheckpoint) error { return r.checkpoint(cp.AuditCheckpoint) })
	}
	return errLine
}

// tornOff reports whether the text can be the beginning of a line of an audit
// log: the server was killed, or the disk full, while it was written.
func tornOff(text []byte) bool {
	begins := []byte(`{"type":"`)
	return len(text) > 0 && (bytes.HasPrefix(text, begins) || bytes.HasPrefix(begins, text))
}

// readLine reads a line that is as it was written.
func readLine[T any](text []byte, use func(T) error) error {
	var v T
	var again bytes.Buffer
	if json.Unmarshal(text, &v) != nil || printJSON(&again, v) != nil || !bytes.Equal(bytes.TrimSuffix(again.Bytes(), []byte("\n")), text) {
		return errLine
	}
	return use(v)
}

// entry takes the next entry.
func (r *lines) entry(e audit.Entry) error {
	if err := r.add(e); err != nil {
		if r.torn > 0 {
			return fmt.Errorf("%w; line %d is broken off", err, r.torn)
		}
		return err
	}
	r.hashes, r.torn = append(r.hashes, e.Hash), 0
	if r.each != nil {
		r.each(e)
	}
	if e.Seq > 1 {
		return nil
	}
	r.birth = e.Detail["store_id"]
	if r.known.StoreID != "" && r.known.StoreID != r.birth {
		return fmt.Errorf("the checkpoint is of the store %s, and this is of the store %s", r.known.StoreID, plain(r.birth))
	}
	return nil
}

// logged takes an entry of an audit log, where one can come again.
func (r *lines) logged(e audit.Entry) error {
	at := e.Seq - r.first().First.Seq
	if len(r.hashes) == 0 || at < 0 || at >= int64(len(r.hashes)) {
		return r.entry(e)
	}
	if e.Hash != r.hashes[at] || e.Verify(audit.Entry{Seq: e.Seq - 1, Hash: e.Prev}) != nil {
		return fmt.Errorf("%w: entry %d comes again, and is another one", audit.ErrBroken, e.Seq)
	}
	return nil
}

// checkpoint takes a checkpoint of an audit log: it is of an entry before it.
func (r *lines) checkpoint(cp api.AuditCheckpoint) error {
	if r.kept.keys != "" {
		if err := r.kept.signed(cp); err != nil {
			return fmt.Errorf("the checkpoint of entry %d: %w", cp.Seq, err)
		}
		r.signed++
	}
	at := cp.Seq - r.first().First.Seq
	switch {
	case len(r.hashes) == 0 || at == -1: // the part of the log before this one has the entry
		return nil
	case at < 0 || at >= int64(len(r.hashes)) || r.hashes[at] != cp.Hash:
		return fmt.Errorf("%w: the checkpoint of entry %d is not of an entry before it", audit.ErrBroken, cp.Seq)
	}
	return nil
}

// storeID is the id of the store, as far as it is known.
func (r *lines) storeID() string {
	if r.known.StoreID != "" || r.first().First.Seq != 1 {
		return r.known.StoreID
	}
	return r.birth
}

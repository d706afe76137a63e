package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

const (
	// toStdout as the audit log is the standard output.
	toStdout = "stdout"
	// shipEvery is how long an entry may take to get into the audit log.
	shipEvery = time.Second
	// checkpointEvery is how often a checkpoint follows, if there was anything.
	checkpointEvery = time.Minute
)

// The lines of an audit log.
type (
	loggedEvent struct {
		Type string `json:"type"`
		api.AuditEvent
	}
	loggedCheckpoint struct {
		Type string `json:"type"`
		api.AuditCheckpoint
	}
)

// Their types.
const (
	logEvent      = "event"
	logCheckpoint = "checkpoint"
)

// shipper copies the audit to a log as it grows: each entry once it is
// committed, at least once, in order. How far it got is in a file beside the
// database; without it, for another log or another store, it begins anew.
type shipper struct {
	rules  *authority.Authority
	sign   func(context.Context, []byte) (string, error)
	log    *slog.Logger
	write  func([]byte) error // what it took stays
	at     place
	signed int64     // the last checkpoint is of this entry
	next   time.Time // of the next checkpoint

	database string // beside which the place is kept
}

// ship starts to copy; the function that it returns copies what is left and
// ends it.
func ship(ctx context.Context, cfg serveConfig, p *parts, log *slog.Logger) (stop func(context.Context)) {
	if cfg.auditLog == "" {
		return func(context.Context) {}
	}
	s := &shipper{
		rules: p.rules, sign: p.issuer.SignCheckpoint, log: log, database: cfg.database,
		write: appendTo(cfg.auditLog), next: time.Now().Add(checkpointEvery),
		at: place{Log: cfg.auditLog},
	}
	if cfg.auditLog == toStdout {
		s.write = func(text []byte) error { _, err := cfg.stdout.Write(text); return err }
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx)
	}()
	return func(ctx context.Context) {
		cancel()
		<-done
		s.told(errors.Join(s.entries(ctx), s.checkpoint(ctx), s.entries(ctx)))
	}
}

// run copies until ctx ends. What fails is tried again: nothing is lost, it is
// in the store.
func (s *shipper) run(ctx context.Context) {
	for {
		err := s.entries(ctx)
		if err == nil && time.Now().After(s.next) {
			err = s.checkpoint(ctx)
			s.next = time.Now().Add(checkpointEvery)
		}
		if ctx.Err() != nil {
			return
		}
		s.told(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(shipEvery):
		}
	}
}

func (s *shipper) told(err error) {
	if err != nil {
		s.log.Error("the audit log is behind", "after", s.at.Seq, "error", err.Error())
	}
}

// entries copies what came since.
func (s *shipper) entries(ctx context.Context) error {
	if s.at.StoreID == "" {
		if err := s.resume(ctx); err != nil {
			return err
		}
	}
	for {
		page, err := s.rules.AuditEvents(ctx, authority.AuditQuery{After: s.at.Seq})
		if err != nil || len(page) == 0 {
			return err
		}
		var text bytes.Buffer
		for _, e := range page {
			err = errors.Join(err, printJSON(&text, loggedEvent{logEvent, eventOf(e)}))
		}
		if err == nil {
			err = s.write(text.Bytes())
		}
		if err != nil {
			return err
		}
		last := page[len(page)-1]
		s.at.Seq, s.at.Hash, s.at.Time = last.Seq, last.Hash, last.Time
		if err := s.keep(); err != nil {
			return err
		}
	}
}

// checkpoint signs what was copied last, unless it did already.
func (s *shipper) checkpoint(ctx context.Context) error {
	if s.at.Seq == s.signed {
		return nil
	}
	head := s.at.AuditCheckpoint
	text, err := api.Encode(head)
	if err != nil {
		return err
	}
	if head.Signature, err = s.sign(ctx, text); err != nil {
		return err
	}
	var line bytes.Buffer
	err = printJSON(&line, loggedCheckpoint{logCheckpoint, head})
	if err == nil {
		err = s.write(line.Bytes())
	}
	if err == nil {
		s.signed = head.Seq
	}
	return err
}

// appendTo writes to the end of a file, each time anew: whoever rotates it
// moves it away. A line that was torn before is ended first.
func appendTo(file string) func([]byte) error {
	return func(text []byte) (err error) {
		f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		last := []byte{'\n'}
		if size > 0 {
			if _, err := f.ReadAt(last, size-1); err != nil {
				return err
			}
		}
		if last[0] != '\n' {
			text = append([]byte{'\n'}, text...)
		}
		if _, err := f.Write(text); err != nil {
			return err
		}
		return f.Sync()
	}
}

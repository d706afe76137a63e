package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// What a backup has was true once. After it secrets were revoked and agents
// blocked, and whoever lost those could use them again: so a store that was
// brought back lets nobody in before its administrator has accepted it.

// epochLeap is by how much a quarantine raises epochs: by more than the lost store
// can have counted since, so that none of its tokens is ever in force again.
const epochLeap = 1 << 32

// quarantineSetting keeps a Quarantine.
const quarantineSetting = "quarantine"

// Quarantine is that a store lets nobody in.
type Quarantine struct {
	Since time.Time `json:"since"`
	// Heads are the last entries of the audit before, one of each chain: the
	// audit of the lost store has them too, and what follows them there is what
	// this store does not know.
	Heads []Head `json:"heads"`
}

// Head is the end of an audit.
type Head struct {
	Seq  int64     `json:"seq"`
	Hash string    `json:"hash"`
	Time time.Time `json:"time"`
}

// guarded is a store that lets nobody in while it is quarantined.
type guarded struct{ store.Store }

// View fails with ErrQuarantined while the store is quarantined.
func (g guarded) View(ctx context.Context, fn func(store.Reader) error) error {
	return g.Store.View(ctx, func(r store.Reader) error {
		if r.Quarantined() {
			return quarantined(r)
		}
		return fn(r)
	})
}

// Update fails with ErrQuarantined while the store is quarantined.
func (g guarded) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	return g.Store.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		if tx.Quarantined() {
			return nil, quarantined(tx)
		}
		return fn(tx)
	})
}

// quarantined is the error, with what is known.
func quarantined(r store.Reader) error {
	q, err := readQuarantine(r)
	if err != nil {
		return err
	}
	return fmt.Errorf("%w since %s: it came from a backup, and lets nobody in before its administrator has accepted it (restore --accept)",
		ErrQuarantined, stamp(q.Since))
}

func readQuarantine(r store.Reader) (q Quarantine, err error) {
	text, err := r.Setting(quarantineSetting)
	if err == nil && text != "" {
		if err = json.Unmarshal([]byte(text), &q); err != nil {
			err = fmt.Errorf("read why the store is quarantined: %w", err)
		}
	}
	return q, err
}

// Quarantined tells since when the store is quarantined; ok is false when it is
// not.
func (a *Authority) Quarantined(ctx context.Context) (q Quarantine, ok bool, err error) {
	err = a.bare.View(ctx, func(r store.Reader) (err error) {
		if ok = r.Quarantined(); ok {
			q, err = readQuarantine(r)
		}
		return err
	})
	return q, ok, err
}

// Quarantine lets nobody in from now on, and ends every token and the admin token.
// what is entered: audit.StoreRestore or audit.StoreQuarantine, and details. A
// store that is quarantined already stays so as it is.
func (a *Authority) Quarantine(ctx context.Context, p Principal, action audit.Action, detail map[string]string) (q Quarantine, err error) {
	// Of two lists with the same number, the older one could count.
	if _, err := a.bare.Count(ctx, crlNumber, epochLeap); err != nil {
		return q, err
	}
	err = a.bare.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		if tx.Quarantined() {
			if q, err = readQuarantine(tx); err != nil {
				return nil, err
			}
			return nil, errUnchanged
		}
		heads, err := tx.Heads()
		if err != nil {
			return nil, err
		}
		q = Quarantine{Since: a.Now()}
		ev := audit.Event{Actor: p.Name, Action: action, Detail: map[string]string{}}
		for _, e := range heads {
			q.Heads = append(q.Heads, Head{e.Seq, e.Hash, e.Time})
			ev.Detail["after:"+strconv.FormatInt(e.Seq, 10)] = e.Hash
		}
		maps.Copy(ev.Detail, detail)
		return []audit.Event{ev}, closeStore(tx, q)
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return q, err
}

// Knows reports whether the store had an entry of the audit before the quarantine.
func (q Quarantine) Knows(e audit.Entry) bool {
	return slices.ContainsFunc(q.Heads, func(h Head) bool { return audit.ChainOf(h.Seq) == audit.ChainOf(e.Seq) && e.Seq <= h.Seq })
}

func closeStore(tx store.Tx, q Quarantine) error {
	text, err := json.Marshal(q)
	return errors.Join(err, tx.RaiseEpochs(epochLeap), tx.SetSetting(adminSetting, ""), tx.SetSetting(crlChange, newID()),
		tx.SetSetting(quarantineSetting, string(text)), tx.SetQuarantined(true))
}

// NoteBackup enters into the audit that a copy of the store is made: for whom, by
// public keys, and where to. It comes before the copy, which therefore has it.
func (a *Authority) NoteBackup(ctx context.Context, p Principal, recipients []string, place string) error {
	ev := audit.Event{Actor: p.Name, Action: audit.StoreBackup, Detail: map[string]string{"recipients": strings.Join(recipients, " "), "place": place}}
	return a.store.Update(ctx, func(store.Tx) ([]audit.Event, error) { return []audit.Event{ev}, nil })
}

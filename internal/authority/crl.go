package authority

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// CRLLife is how long a revocation list is good for.
const CRLLife = 24 * time.Hour

// crlNumber counts revocation lists: each has a greater number than the one
// before (RFC 5280 §5.2.3).
const crlNumber = "crl_number"

// crlFresh is how long a list is handed out again while nothing was revoked:
// anybody may ask for it, and each new one is a commit and a signature.
const crlFresh = time.Hour

// madeLists are the lists that were made last, by the id of their CA.
type madeLists struct {
	mu  sync.Mutex
	all map[string]madeList
}

type madeList struct {
	serials string // of what is on it
	at      time.Time
	der     []byte
}

// RevocationList is the revocation list (RFC 5280 §5) of a CA in DER; with the id
// "" of the one that signs now. One that signed before goes on signing its own:
// nobody else's counts for the certificates that it made. What was revoked is on
// it at once.
func (a *Authority) RevocationList(ctx context.Context, id string) ([]byte, error) {
	ca, err := a.present(ctx, id)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	var serials []string
	var gone []x509.RevocationListEntry
	err = a.store.View(ctx, func(r store.Reader) error {
		// What has ended by itself stays until a list was made after that
		// (RFC 5280 §3.3).
		all, err := r.Revocations(now.Add(-CRLLife).Unix())
		gone, serials = nil, nil
		for _, one := range all {
			if one.CA != ca.record.ID {
				continue
			}
			serial, ok := new(big.Int).SetString(one.Serial, 16)
			if !ok {
				return fmt.Errorf("the serial number %q of a revoked certificate is none", one.Serial)
			}
			gone = append(gone, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: one.Revoked})
			serials = append(serials, one.Serial)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a.lists.mu.Lock()
	defer a.lists.mu.Unlock()
	// Not by their number: while one ends another may be revoked.
	onIt := strings.Join(serials, " ")
	if last, ok := a.lists.all[ca.record.ID]; ok && last.serials == onIt && now.Sub(last.at) < crlFresh {
		return last.der, nil
	}
	der, err := a.signList(ctx, ca, now, gone)
	if err != nil {
		return nil, err
	}
	if a.lists.all == nil {
		a.lists.all = map[string]madeList{}
	}
	a.lists.all[ca.record.ID] = madeList{onIt, now, der}
	return der, nil
}

func (a *Authority) signList(ctx context.Context, ca signingCA, now time.Time, gone []x509.RevocationListEntry) ([]byte, error) {
	if err := a.store.Count(ctx, crlNumber, 1); err != nil {
		return nil, err
	}
	list := &x509.RevocationList{ThisUpdate: now, NextUpdate: now.Add(CRLLife), RevokedCertificateEntries: gone}
	err := a.store.View(ctx, func(r store.Reader) error {
		number, err := r.Counter(crlNumber)
		list.Number = big.NewInt(number)
		return err
	})
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.cert, ca.private)
	if err != nil {
		return nil, fmt.Errorf("sign a revocation list: %w", err)
	}
	return der, nil
}

package authority

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
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

// madeList is the list that was made last.
type madeList struct {
	mu      sync.Mutex
	ca      string
	revoked int
	at      time.Time
	der     []byte
}

// RevocationList is the revocation list (RFC 5280 §5) of the CA that signs now,
// in DER. What was revoked is on it at once.
func (a *Authority) RevocationList(ctx context.Context) ([]byte, error) {
	ca, err := a.present(ctx)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	var gone []x509.RevocationListEntry
	err = a.store.View(ctx, func(r store.Reader) error {
		all, err := r.Revocations(now.Unix())
		gone = nil
		for _, one := range all {
			if one.CA != ca.record.ID {
				continue
			}
			serial, ok := new(big.Int).SetString(one.Serial, 16)
			if !ok {
				return fmt.Errorf("the serial number %q of a revoked certificate is none", one.Serial)
			}
			gone = append(gone, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: one.Revoked})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	last := &a.list
	last.mu.Lock()
	defer last.mu.Unlock()
	if last.ca == ca.record.ID && last.revoked == len(gone) && now.Sub(last.at) < crlFresh {
		return last.der, nil
	}
	der, err := a.signList(ctx, ca, now, gone)
	if err != nil {
		return nil, err
	}
	last.ca, last.revoked, last.at, last.der = ca.record.ID, len(gone), now, der
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

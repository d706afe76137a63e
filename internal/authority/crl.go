package authority

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// CRLLife is how long a revocation list is good for.
const CRLLife = 24 * time.Hour

// crlNumber counts revocation lists: each has a greater number than the one
// before (RFC 5280 §5.2.3).
const crlNumber = "crl_number"

// crlChange names the setting that is another whenever it changes what ends when:
// anybody may ask for a list, and only then is all of that read again.
const crlChange = "crl_change"

// crlFresh is how long a list is handed out again while nothing was revoked:
// anybody may ask for it, and each new one is a commit and a signature.
const crlFresh = time.Hour

// madeLists are the lists that were made last, by the id of their CA.
type madeLists struct {
	mu  sync.Mutex
	all map[string]madeList
}

type madeList struct {
	on  listed
	der []byte
}

// listed is what is on a list.
type listed struct {
	at      time.Time
	until   time.Time // when the next one ends; zero for none that is known
	change  string    // crlChange
	entries []x509.RevocationListEntry
	serials string // with spaces between
}

// endOf is when a certificate ends here, whatever ends it.
func endOf(c store.Credential) time.Time {
	end := time.Unix(c.Expires, 0)
	if !c.Revoked.IsZero() && c.Revoked.Before(end) {
		end = c.Revoked
	}
	return end
}

// enlist keeps when a certificate that was signed here ends, where that is, or
// was before it changed, earlier than it says itself: other servers go by that
// and by the revocation list, and it is the same to them whether it was revoked,
// or its grace or its expiry is over. It is kept beside the record, since it must
// outlive the agent.
func enlist(tx store.Tx, before, c store.Credential) error {
	own := time.Unix(c.NotAfter, 0)
	if c.CA == "" || !endOf(c).Before(own) && !endOf(before).Before(own) {
		return nil
	}
	cert, err := keys.FromCertificatePEM([]byte(c.Certificate))
	if err != nil {
		return fmt.Errorf("read the certificate %s of agent %s: %w", c.ID, c.AgentID, err)
	}
	end := endOf(c)
	if end.Before(cert.NotBefore) { // an expiry may be set to any time that is past
		end = cert.NotBefore
	}
	if err := tx.SetSetting(crlChange, newID()); err != nil {
		return err
	}
	return tx.SetRevocation(store.Revocation{CA: c.CA, Serial: cert.Serial(), Revoked: end, Expires: c.NotAfter})
}

// RevocationList is the revocation list (RFC 5280 §5) of a CA in DER; with the id
// "" of the one that signs now. One that signed before goes on signing its own:
// nobody else's counts for the certificates that it made. What was revoked is on
// it at once, and so is what has ended otherwise before its own end.
func (a *Authority) RevocationList(ctx context.Context, id string) ([]byte, error) {
	ca, err := a.present(ctx, id)
	if err != nil {
		return nil, err
	}
	a.lists.mu.Lock()
	defer a.lists.mu.Unlock()
	last, ok := a.lists.all[ca.record.ID]
	ok = ok && a.Now().Sub(last.on.at) < crlFresh
	if ok {
		same, err := a.unchanged(ctx, last.on)
		if same || err != nil {
			return last.der, err
		}
	}
	on, err := a.ended(ctx, ca)
	if err != nil {
		return nil, err
	}
	// Not by their number: while one ends another may be revoked.
	if ok && last.on.serials == on.serials {
		on.at = last.on.at
		a.lists.all[ca.record.ID] = madeList{on, last.der}
		return last.der, nil
	}
	number, on, err := a.numberList(ctx, ca, on)
	if err != nil {
		return nil, err
	}
	list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: on.at, NextUpdate: on.at.Add(CRLLife), RevokedCertificateEntries: on.entries}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.cert, ca.private)
	if err != nil {
		return nil, fmt.Errorf("sign a revocation list: %w", err)
	}
	if a.lists.all == nil {
		a.lists.all = map[string]madeList{}
	}
	a.lists.all[ca.record.ID] = madeList{on, der}
	return der, nil
}

// unchanged reports whether on the list is what was, as long as nothing but time
// goes by, and nobody else changed it.
func (a *Authority) unchanged(ctx context.Context, on listed) (same bool, err error) {
	err = a.store.View(ctx, func(r store.Reader) error {
		change, err := r.Setting(crlChange)
		same = change == on.change && (on.until.IsZero() || a.Now().Before(on.until))
		return err
	})
	return same, err
}

// sameIssuer are the ids of the records of a CA: it may have been given more than
// once, as when its own certificate was renewed. To others it is one, and a list
// of it counts for all that it ever signed.
func sameIssuer(all []store.CAKey, ca signingCA) (ids []string, err error) {
	for _, k := range all {
		c, err := keys.FromCertificatePEM([]byte(k.Certificate))
		if err != nil {
			return nil, fmt.Errorf("read the CA certificate %s: %w", k.ID, err)
		}
		if bytes.Equal(c.RawSubject, ca.cert.RawSubject) && bytes.Equal(c.RawSubjectPublicKeyInfo, ca.cert.RawSubjectPublicKeyInfo) {
			ids = append(ids, k.ID)
		}
	}
	return ids, nil
}

// ended are the certificates of a CA that have ended before their own end.
func (a *Authority) ended(ctx context.Context, ca signingCA) (on listed, err error) {
	var serials []string
	err = a.store.View(ctx, func(r store.Reader) error {
		cas, err := r.CAKeys()
		if err != nil {
			return err
		}
		issuers, err := sameIssuer(cas, ca)
		if err != nil {
			return err
		}
		// What has ended by itself stays until a list was made after that
		// (RFC 5280 §3.3).
		all, err := r.Revocations(a.Now().Add(-CRLLife).Unix())
		if err != nil {
			return err
		}
		on, serials = listed{at: a.Now()}, nil // not before what was read
		for _, one := range all {
			// One whose end was moved back to its own is not there.
			if !slices.Contains(issuers, one.CA) || one.Revoked.Unix() >= one.Expires {
				continue
			}
			if one.Revoked.After(on.at) {
				if on.until.IsZero() || one.Revoked.Before(on.until) {
					on.until = one.Revoked
				}
				continue
			}
			serial, ok := new(big.Int).SetString(one.Serial, 16)
			if !ok {
				return fmt.Errorf("the serial number %q of a revoked certificate is none", one.Serial)
			}
			on.entries = append(on.entries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: one.Revoked})
			serials = append(serials, one.Serial)
		}
		on.change, err = r.Setting(crlChange)
		return err
	})
	on.serials = strings.Join(serials, " ")
	return on, err
}

// numberList finds a number for a list that nobody else gives to one, other
// processes included, and what is on the list with that number: as long as others
// change that in between, it is another list. Else one with a greater number
// could lack what is on one with a smaller.
func (a *Authority) numberList(ctx context.Context, ca signingCA, on listed) (int64, listed, error) {
	for {
		number, err := a.store.Count(ctx, crlNumber, 1)
		if err != nil {
			return 0, listed{}, err
		}
		still, err := a.ended(ctx, ca)
		if err != nil || still.serials == on.serials {
			return number, still, err
		}
		on = still
	}
}

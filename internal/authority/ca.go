package authority

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	// caPurpose binds the sealed private halves of CA keys to their use.
	caPurpose = "CA key"
	// ownCALife is how long a CA lives that the server made.
	ownCALife = 10 * 365 * 24 * time.Hour
)

// CAConfig says how certificates for agents are signed.
type CAConfig struct {
	// Seal gives the key that wraps the CA's, as IssuerConfig.Seal does. nil:
	// no certificates are signed.
	Seal func() (secret.SealKey, error)
	// Own lets the first certificate make a CA where there is none.
	Own bool
	// TrustDomain names agents: spiffe://<TrustDomain>/agent/<id>.
	TrustDomain string
	// CRL is the URL of the revocation lists; "" for none. Certificates name
	// that of their CA, as <CRL>?ca=<id>.
	CRL string
	// Roots are those of foreign CAs, under which a subject can be trusted.
	// nil: there are none.
	Roots *x509.CertPool
}

// SignsCertificates reports whether a CA can sign here.
func (a *Authority) SignsCertificates() bool { return a.ca.Seal != nil }

// CA is what can be told of a key that signs certificates.
type CA struct {
	store.CAKey
	NotAfter time.Time
}

// signingCA is one that signs.
type signingCA struct {
	record  store.CAKey
	cert    *x509.Certificate
	private crypto.Signer
}

// above are the certificates above what the CA signs: the topmost as the root, and
// those between.
func (ca signingCA) above() (between, root *x509.CertPool) {
	between, root = x509.NewCertPool(), x509.NewCertPool()
	top := ca.cert.Raw
	for rest := []byte(ca.record.Chain); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		between.AppendCertsFromPEM([]byte(certificatePEM(top)))
		top = b.Bytes
	}
	root.AppendCertsFromPEM([]byte(certificatePEM(top)))
	return between, root
}

// CAs lists the keys that sign certificates, oldest first.
func (a *Authority) CAs(ctx context.Context) (out []CA, err error) {
	err = a.store.View(ctx, func(r store.Reader) error {
		all, err := r.CAKeys()
		out = nil
		for _, k := range all {
			c, err := keys.FromCertificatePEM([]byte(k.Certificate))
			if err != nil {
				return fmt.Errorf("read the CA certificate %s: %w", k.ID, err)
			}
			out = append(out, CA{k, c.NotAfter})
		}
		return err
	})
	return out, err
}

// CreateCA makes a CA whose root is in this server. What signed before signs
// revocation lists only.
func (a *Authority) CreateCA(ctx context.Context, p Principal, name string) (CA, error) {
	return a.makeCA(ctx, p, name, false)
}

// makeCA makes a CA; the first one only where there is none yet: of two who find
// none at once, one makes it and both use that one.
func (a *Authority) makeCA(ctx context.Context, p Principal, name string, first bool) (CA, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return CA{}, fmt.Errorf("make a CA key: %w", err)
	}
	now := a.Now()
	template := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(ownCALife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return CA{}, fmt.Errorf("make a CA: %w", err)
	}
	return a.addCA(ctx, p, newCA{certificatePEM(der), "", private, first})
}

// ImportCA takes an intermediate CA whose root is elsewhere: its certificate
// and those above it in PEM, each signed by the next, and its private key.
func (a *Authority) ImportCA(ctx context.Context, p Principal, chain string, private crypto.Signer) (CA, error) {
	all, err := readChain(chain)
	if err != nil {
		return CA{}, err
	}
	c := all[0]
	mine, err := keys.New(private.Public())
	now := a.Now()
	switch {
	case err != nil:
		return CA{}, refuse(Weak, "The CA key is refused: %v.", err)
	case mine.Thumbprint() != c.Public.Thumbprint():
		return CA{}, refuse(Invalid, "The private key is not that of the CA certificate.")
	case !c.IsCA || !c.BasicConstraintsValid || c.KeyUsage&x509.KeyUsageCertSign == 0 || c.KeyUsage&x509.KeyUsageCRLSign == 0:
		return CA{}, refuse(Invalid, "The certificate is not one of a CA that may sign certificates and revocation lists.")
	case len(c.SubjectKeyId) == 0: // RFC 5280 §4.2.1.2: a must; no revocation list can be signed without
		return CA{}, refuse(Invalid, "The CA certificate has no subject key identifier: make it again with one (OpenSSL: subjectKeyIdentifier=hash).")
	case !forClients(c.Certificate):
		return CA{}, refuse(Invalid, "The CA certificate is not for certificates of clients: its extended key usage has no clientAuth.")
	case now.Before(c.NotBefore) || !now.Before(c.NotAfter):
		return CA{}, refuse(Invalid, "The CA certificate is valid from %s to %s, not now.", stamp(c.NotBefore), stamp(c.NotAfter))
	}
	var above strings.Builder
	for _, next := range all[1:] {
		above.WriteString(certificatePEM(next.Raw))
	}
	return a.addCA(ctx, p, newCA{certificatePEM(c.Raw), above.String(), private, false})
}

// readChain reads the certificates of a CA, its own first. Nothing else may stand
// between them: what is kept of it is shown to everybody who gets a certificate.
func readChain(text string) (all []keys.Certificate, err error) {
	for rest := []byte(text); len(bytes.TrimSpace(rest)) > 0; {
		var b *pem.Block
		b, rest = pem.Decode(rest)
		switch {
		case b == nil:
			return nil, refuse(Invalid, "Certificate %d of the CA is not PEM.", len(all)+1)
		case b.Type != "CERTIFICATE":
			return nil, refuse(Invalid, "Block %d of the CA certificates is %.40q: give certificates alone, and the key in a file of its own.", len(all)+1, b.Type)
		case len(all) == maxChain:
			return nil, refuse(Invalid, "The CA has more than %d certificates.", maxChain)
		}
		c, err := keys.FromCertificate(b.Bytes)
		if err != nil {
			return nil, refuse(Weak, "Certificate %d of the CA is refused: %v.", len(all)+1, err)
		}
		if n := len(all); n > 0 {
			if err := all[n-1].CheckSignatureFrom(c.Certificate); err != nil {
				return nil, refuse(Invalid, "Certificate %d of the CA did not sign the one before it: %v.", n+1, err)
			}
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, refuse(Invalid, "The CA certificate is not PEM.")
	}
	return all, nil
}

// newCA is a CA on its way into the store.
type newCA struct {
	cert, chain string // PEM
	private     crypto.Signer
	first       bool // another that signs already is left alone, and this one dropped
}

func (a *Authority) addCA(ctx context.Context, p Principal, n newCA) (CA, error) {
	seal, err := a.presentCASeal(ctx)
	if err != nil {
		return CA{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(n.private)
	if err != nil {
		return CA{}, fmt.Errorf("encode a CA key: %w", err)
	}
	k := store.CAKey{ID: newID(), Certificate: n.cert, Chain: n.chain, Sealed: seal.Seal(caPurpose, der), Created: a.Now()}
	base := audit.Event{Actor: p.Name, Action: audit.CACreate, Target: k.ID}
	err = a.act(ctx, base, func(tx store.Tx, _ *audit.Event) error {
		if err := checkSeal(tx, seal); err != nil {
			return err
		}
		if err := tx.SetSetting(sealSetting, seal.Fingerprint()); err != nil {
			return err
		}
		all, err := tx.CAKeys()
		if err != nil {
			return err
		}
		for _, old := range all {
			if old.Retired.IsZero() {
				if n.first {
					return errUnchanged
				}
				old.Retired = k.Created
				if err := tx.SetCAKey(old); err != nil {
					return err
				}
			}
		}
		return tx.SetCAKey(k)
	}, nil)
	return CA{CAKey: k}, err
}

// caRing is what was opened of the CA keys: unsealing may run a command.
type caRing struct {
	mu   sync.Mutex
	seal secret.SealKey
	open map[string]signingCA
}

// presentCASeal is as Issuer.presentSeal.
func (a *Authority) presentCASeal(ctx context.Context) (secret.SealKey, error) {
	return a.sealedWith(ctx, a.caSeal, func() {
		a.ring.mu.Lock()
		defer a.ring.mu.Unlock()
		a.ring.seal = secret.SealKey{}
	})
}

func (a *Authority) caSeal() (secret.SealKey, error) {
	if a.ca.Seal == nil {
		return secret.SealKey{}, refuse(NoCA, "This server signs no certificates.")
	}
	a.ring.mu.Lock()
	defer a.ring.mu.Unlock()
	if a.ring.seal.Fingerprint() != "" {
		return a.ring.seal, nil
	}
	seal, err := a.ca.Seal()
	if err == nil {
		a.ring.seal = seal
	}
	return seal, err
}

// signer is the CA that signs now. Where there is none, one is made if that is
// allowed.
func (a *Authority) signer(ctx context.Context) (signingCA, error) {
	ca, err := a.present(ctx, "")
	if refusal, ok := asError(err); !ok || refusal.Kind != NoCA || !a.ca.Own {
		return ca, err
	}
	if _, err := a.makeCA(ctx, Principal{Name: "server"}, "agentcreds", true); err != nil {
		return signingCA{}, err
	}
	return a.present(ctx, "")
}

// present is the CA with the id, or with "" the one that signs now, if there is
// one.
func (a *Authority) present(ctx context.Context, id string) (signingCA, error) {
	all, err := a.CAs(ctx)
	if err != nil {
		return signingCA{}, err
	}
	for _, k := range all {
		if k.ID == id || id == "" && k.Retired.IsZero() {
			return a.openCA(ctx, k.CAKey)
		}
	}
	if id != "" {
		return signingCA{}, refuse(NoCA, "There is no CA with the id %.100q.", id)
	}
	return signingCA{}, refuse(NoCA, "There is no CA: make one with ca init.")
}

// openCA unseals a key, once.
func (a *Authority) openCA(ctx context.Context, k store.CAKey) (signingCA, error) {
	a.ring.mu.Lock()
	ca, ok := a.ring.open[k.ID]
	a.ring.mu.Unlock()
	if ok {
		return ca, nil
	}
	ca, err := a.unsealCA(ctx, k)
	if err != nil {
		return signingCA{}, err
	}
	a.ring.mu.Lock()
	defer a.ring.mu.Unlock()
	if a.ring.open == nil {
		a.ring.open = map[string]signingCA{}
	}
	a.ring.open[k.ID] = ca
	return ca, nil
}

func (a *Authority) unsealCA(ctx context.Context, k store.CAKey) (signingCA, error) {
	seal, err := a.presentCASeal(ctx)
	if err != nil {
		return signingCA{}, err
	}
	der, err := seal.Open(caPurpose, k.Sealed)
	if err != nil {
		return signingCA{}, fmt.Errorf("%w: CA key %s: %w", ErrSealKey, k.ID, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	signer, ok := private.(crypto.Signer)
	c, err2 := keys.FromCertificatePEM([]byte(k.Certificate))
	if err := errors.Join(err, err2); err != nil || !ok {
		return signingCA{}, fmt.Errorf("read CA key %s: %w", k.ID, err)
	}
	return signingCA{k, c.Certificate, signer}, nil
}

// newSerial is a serial number that nobody can foresee (RFC 5280 §4.1.2.2: at
// most 20 bytes, positive).
func newSerial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 158))
	if err != nil {
		panic("authority: there is no randomness: " + err.Error())
	}
	return n.SetBit(n, 158, 1)
}

func certificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

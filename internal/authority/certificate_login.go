package authority

import (
	"bytes"
	"context"
	"crypto/x509"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The methods of mutual TLS (RFC 8705 §2). Which of the two it is says the
// agent's record.
const (
	TLSClientAuth           = "tls_client_auth"
	SelfSignedTLSClientAuth = "self_signed_tls_client_auth"
)

// maxChain is how many certificates may be shown.
const maxChain = 6

func badCertificate(format string, args ...any) error {
	return refuse(BadLogin, "the certificate is refused: "+format, args...)
}

// verifyCertificate finds what the subject has that makes the certificate good
// with which it connected: itself, signed here or given; or its subject, under a
// CA that is trusted. TLS has proven that the private half is there, and
// nothing else. A refusal is of kind BadLogin, and comes with the method that was
// tried: by the record, or where there is none by who signed the certificate.
func (i *Issuer) verifyCertificate(ctx context.Context, s subject, l Login) (proof, error) {
	if len(l.Certificates) > maxChain {
		return proof{}, badCertificate("its chain has %d certificates, at most %d are possible", len(l.Certificates), maxChain)
	}
	leaf, err := keys.FromCertificate(l.Certificates[0])
	if err != nil {
		return proof{}, badCertificate("%v", err)
	}
	now := i.a.Now()
	tried := proof{method: TLSClientAuth}
	if bytes.Equal(leaf.RawIssuer, leaf.RawSubject) && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
		tried.method = SelfSignedTLSClientAuth
	}
	switch {
	case now.Before(leaf.NotBefore):
		return tried, badCertificate("it is not valid before %s", stamp(leaf.NotBefore))
	case now.After(leaf.NotAfter):
		return tried, badCertificate("it expired at %s", stamp(leaf.NotAfter))
	case !forClients(leaf.Certificate):
		return tried, badCertificate("it is not for clients: its extended key usage has no clientAuth")
	case s.name == "":
		return tried, nil
	}
	var own []store.Credential
	var at int // of the one that is shown among them
	var cas []store.CAKey
	err = i.a.store.View(ctx, func(r store.Reader) error {
		// Of the dead ones there may be thousands: they are looked at for the
		// reason of a refusal alone.
		for _, dead := range []int{0, everShown} {
			found, err := s.credentials(r, store.CertificateKind, now, dead)
			if err != nil {
				return err
			}
			own = found
			if at = slices.IndexFunc(own, func(c store.Credential) bool { return c.Fingerprint == leaf.Fingerprint() }); at >= 0 {
				break
			}
		}
		cas, err = r.CAKeys()
		return err
	})
	switch {
	case err != nil:
		return proof{}, err
	case at >= 0 && own[at].Live(now):
		return i.byItself(own[at], leaf, cas, l)
	case at >= 0:
		return proof{method: methodBy(own[at])}, badCertificate("%.200q is %s", own[at].ID, lifeOf(own[at]).status(now))
	}
	own = slices.DeleteFunc(own, func(c store.Credential) bool { return !c.Live(now) })
	p, err := i.bySubject(own, leaf, l)
	if err != nil {
		return tried, err
	}
	return p, nil
}

// methodBy is the method of a certificate that is in a record: what was signed
// here is under a CA, what was given is trusted as it is.
func methodBy(c store.Credential) string {
	if c.CA == "" {
		return SelfSignedTLSClientAuth
	}
	return TLSClientAuth
}

// byItself takes a certificate that is in a live record of the subject.
func (i *Issuer) byItself(c store.Credential, leaf keys.Certificate, cas []store.CAKey, l Login) (proof, error) {
	p := proof{kind: store.CertificateKind, id: c.ID, method: methodBy(c), bound: leaf.Fingerprint()}
	if c.CA == "" {
		return p, nil
	}
	roots := x509.NewCertPool()
	for _, k := range cas {
		if k.ID == c.CA {
			roots.AppendCertsFromPEM([]byte(k.Certificate))
		}
	}
	return p, verifyChain(leaf, l.Certificates[1:], roots, i.a.Now())
}

// bySubject takes a certificate of a foreign CA that names what somebody is
// trusted by.
func (i *Issuer) bySubject(own []store.Credential, leaf keys.Certificate, l Login) (proof, error) {
	own = slices.DeleteFunc(own, func(c store.Credential) bool { return len(c.Subject) == 0 })
	if len(own) == 0 {
		return proof{}, badCertificate("it is none of its live ones")
	}
	switch {
	case i.a.ca.Roots == nil:
		return proof{}, badCertificate("no CA is trusted here but the server's own")
	// A CA signs for many purposes: of what it signs that counts alone which is
	// a client's own. What was given or signed here needs no such word.
	case len(leaf.ExtKeyUsage) == 0:
		return proof{}, badCertificate("it does not say that it is for clients: it has no extended key usage")
	case leaf.IsCA:
		return proof{}, badCertificate("it is a CA's and not a client's")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return proof{}, badCertificate("its key usage is without digitalSignature") // RFC 5280 §4.2.1.3
	}
	if err := verifyChain(leaf, l.Certificates[1:], i.a.ca.Roots, i.a.Now()); err != nil {
		return proof{}, err
	}
	for _, c := range own {
		want := Subject{DN: c.Subject["dn"], DNS: c.Subject["dns"], URI: c.Subject["uri"], IP: c.Subject["ip"], Email: c.Subject["email"]}
		if want.Matches(leaf.Certificate) {
			return proof{kind: store.CertificateKind, id: c.ID, method: TLSClientAuth, bound: leaf.Fingerprint()}, nil
		}
	}
	return proof{}, badCertificate("it does not name the subject that is trusted")
}

// verifyChain builds a chain from a certificate to one of the roots (RFC 5280
// §6), for a client.
func verifyChain(leaf keys.Certificate, between [][]byte, roots *x509.CertPool, now time.Time) error {
	pool := x509.NewCertPool()
	for n, der := range between {
		c, err := keys.FromCertificate(der)
		if err != nil {
			return badCertificate("certificate %d of its chain: %v", n+2, err)
		}
		pool.AddCert(c.Certificate)
	}
	if err := under(leaf.Certificate, pool, roots, now); err != nil {
		return badCertificate("its chain does not hold: %.300v", err)
	}
	return nil
}

// under reports why a certificate of a client is not good under the roots.
func under(leaf *x509.Certificate, between, roots *x509.CertPool, now time.Time) error {
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

// forClients reports whether a certificate may be used by a client: it says so,
// or says nothing of its use.
func forClients(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

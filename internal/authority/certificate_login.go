package authority

import (
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
// nothing else. A refusal is of kind BadLogin.
func (i *Issuer) verifyCertificate(ctx context.Context, s subject, l Login) (proof, error) {
	if len(l.Certificates) > maxChain {
		return proof{}, badCertificate("its chain has %d certificates, at most %d are possible", len(l.Certificates), maxChain)
	}
	leaf, err := keys.FromCertificate(l.Certificates[0])
	if err != nil {
		return proof{}, badCertificate("%v", err)
	}
	now := i.a.Now()
	switch {
	case now.Before(leaf.NotBefore):
		return proof{}, badCertificate("it is not valid before %s", stamp(leaf.NotBefore))
	case now.After(leaf.NotAfter):
		return proof{}, badCertificate("it expired at %s", stamp(leaf.NotAfter))
	case !forClients(leaf.Certificate):
		return proof{}, badCertificate("it is not for clients")
	case s.name == "":
		return proof{}, nil
	}
	var own, dead []store.Credential
	var cas []store.CAKey
	err = i.a.store.View(ctx, func(r store.Reader) error {
		found, err := s.credentials(r, store.CertificateKind, now, everShown)
		if err != nil {
			return err
		}
		own, dead = nil, nil
		for _, c := range found {
			if c.Live(now) {
				own = append(own, c)
			} else {
				dead = append(dead, c)
			}
		}
		cas, err = r.CAKeys()
		return err
	})
	if err != nil {
		return proof{}, err
	}
	shown := func(c store.Credential) bool { return c.Fingerprint == leaf.Fingerprint() }
	if at := slices.IndexFunc(own, shown); at >= 0 {
		return i.byItself(own[at], leaf, cas, l)
	}
	if at := slices.IndexFunc(dead, shown); at >= 0 {
		return proof{}, badCertificate("%.200q is %s", dead[at].ID, lifeOf(dead[at]).status(now))
	}
	return i.bySubject(own, leaf, l)
}

// byItself takes a certificate that is in a live record of the subject.
func (i *Issuer) byItself(c store.Credential, leaf keys.Certificate, cas []store.CAKey, l Login) (proof, error) {
	p := proof{kind: store.CertificateKind, id: c.ID, method: SelfSignedTLSClientAuth, bound: leaf.Fingerprint()}
	if c.CA == "" {
		return p, nil
	}
	p.method = TLSClientAuth
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
	if i.a.ca.Roots == nil {
		return proof{}, badCertificate("no CA is trusted here but the server's own")
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
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return badCertificate("its chain does not hold: %v", err)
	}
	return nil
}

// forClients reports whether a certificate may be used by a client: it says so,
// or says nothing of its use.
func forClients(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

package authority

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Lives of certificates that the server signs.
const (
	DefaultCertificateLife = 30 * 24 * time.Hour
	maxCertificateLife     = 90 * 24 * time.Hour
)

// Certificate is a certificate of an agent, or a subject that is trusted, as it
// stands.
type Certificate struct {
	store.Credential
	Status Status
	Latest bool   // the newest of its agent, live or not
	Chain  string // of one that was signed here: the certificates above it, PEM
	Serial string // of a certificate, hexadecimal
	Again  bool   // AddCertificate found that it was there already
}

// Subject is what a certificate must name (RFC 8705 §2.1.2): exactly one.
type Subject = keys.Subject

// NewCertificate asks for a certificate. Exactly one of the three forms is set.
type NewCertificate struct {
	Rotation
	ID string // "": the serial number, or one of our making

	// RequestPEM is signed by the CA of this server: only its key is taken.
	RequestPEM string
	Life       time.Duration // of the new certificate; 0 means 30 days, at most 90
	// CertificatePEM is trusted as it is (self_signed_tls_client_auth).
	CertificatePEM string
	// Subject is trusted in certificates of the foreign CAs (tls_client_auth).
	Subject Subject
}

// read reads what is asked for; of a request the key alone.
func (n NewCertificate) read() (c store.Credential, public keys.Public, err error) {
	c = store.Credential{AgentID: n.AgentID, Kind: store.CertificateKind, ID: n.ID, Expires: n.Expires}
	forms := 0
	for _, given := range []bool{n.RequestPEM != "", n.CertificatePEM != "", n.Subject != Subject{}} {
		if given {
			forms++
		}
	}
	switch {
	case forms != 1:
		return c, public, refuse(Invalid, "A certificate comes as exactly one of csrPem, certificatePem and subject, not %d.", forms)
	case n.Life < 0 || n.Life > maxCertificateLife || (n.Life != 0 && n.Life < time.Minute):
		return c, public, refuse(Invalid, "A certificate lives from a minute to %d days.", int(maxCertificateLife.Hours()/24))
	case n.RequestPEM != "":
		if public, err = keys.FromRequestPEM([]byte(n.RequestPEM)); err != nil {
			return c, public, refuse(Weak, "The certificate request is refused: %v.", err)
		}
	case n.CertificatePEM != "":
		var given keys.Certificate
		if given, err = keys.FromCertificatePEM([]byte(n.CertificatePEM)); err != nil {
			return c, public, refuse(Weak, "The certificate is refused: %v.", err)
		}
		public = given.Public
		describe(&c, given)
		if c.ID == "" {
			c.ID = "sha256:" + c.Fingerprint
		}
	default:
		if err := n.Subject.Check(); err != nil {
			return c, public, refuse(Invalid, "The subject is refused: %v.", err)
		}
		c.Subject = map[string]string{}
		for name, value := range map[string]string{"dn": n.Subject.DN, "dns": n.Subject.DNS, "uri": n.Subject.URI, "ip": n.Subject.IP, "email": n.Subject.Email} {
			if value != "" {
				c.Subject[name] = value
				c.Thumbprint = fmt.Sprintf("%x", sha256.Sum256([]byte(name+" "+value)))[:32]
			}
		}
		if c.ID == "" {
			c.ID = "subject:" + c.Thumbprint
		}
	}
	if !public.IsZero() {
		c.Public, c.Thumbprint = string(public.JWK()), public.Thumbprint()
	}
	if c.ID != "" {
		err = checkKid(c.ID)
	}
	return c, public, err
}

// describe enters a certificate into its record, which ends with it.
func describe(c *store.Credential, given keys.Certificate) {
	c.Certificate, c.Fingerprint = certificatePEM(given.Raw), given.Fingerprint()
	c.NotBefore, c.NotAfter = given.NotBefore.Unix(), given.NotAfter.Unix()
	c.Expires = earlier(c.Expires, c.NotAfter)
}

// AddCertificate gives an agent a certificate, or trusts one or a subject; it
// retires and revokes only what it is told to. It is idempotent as AddSecret
// is: the same key, certificate or subject under the same id again changes
// nothing.
func (a *Authority) AddCertificate(ctx context.Context, p Principal, n NewCertificate) (Certificate, error) {
	base := audit.Event{Actor: p.Name, Action: audit.CertificateCreate, AgentID: n.AgentID, Target: n.ID}
	add, public, err := n.read()
	if err == nil && n.RequestPEM != "" {
		err = a.sign(ctx, n, public, &add)
	}
	if err != nil {
		return Certificate{}, a.refused(ctx, base, err)
	}
	base.Target = add.ID
	var out Certificate
	var again bool
	rotation := n.Rotation
	rotation.Expires = add.Expires
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) (err error) {
		again, err = a.put(tx, certificateShelf, adding{add, rotation, p, sameCertificate}, ev)
		if err != nil || again {
			return err
		}
		maps.Copy(ev.Detail, add.Subject)
		if add.Fingerprint != "" {
			ev.Detail["x5t#S256"], ev.Detail["notAfter"] = add.Fingerprint, stamp(time.Unix(add.NotAfter, 0))
		}
		if add.CA != "" {
			ev.Detail["ca"] = add.CA
		}
		return nil
	}, a.readCertificate(n.AgentID, add.ID, &out))
	if err != nil {
		return Certificate{}, err
	}
	out.Again = again
	return out, nil
}

// sameCertificate ends a repeated request: well when it is the same, else with
// UsedID.
func sameCertificate(before, add store.Credential) error {
	switch {
	case !before.Revoked.IsZero():
		return refuse(UsedID, "The certificate %s was revoked; ids are not used twice.", before.ID)
	case before.Thumbprint != add.Thumbprint || (before.CA == "") != (add.CA == "") || (before.CA == "" && before.Fingerprint != add.Fingerprint):
		return refuse(UsedID, "The id %s is that of another certificate.", before.ID)
	}
	return errUnchanged
}

// sign makes a certificate of a public key: for clients only, in the name of
// the agent, and never beyond the CA's own end.
func (a *Authority) sign(ctx context.Context, n NewCertificate, public keys.Public, add *store.Credential) error {
	if _, err := a.Agent(ctx, n.AgentID); err != nil {
		return err // before a CA is made for it
	}
	ca, err := a.signer(ctx)
	if err != nil {
		return err
	}
	now := a.Now()
	if !now.Before(ca.cert.NotAfter) {
		return refuse(NoCA, "The CA ended at %s: give the server another with ca init.", stamp(ca.cert.NotAfter))
	}
	life := n.Life
	if life == 0 {
		life = DefaultCertificateLife
	}
	end := now.Add(life)
	if end.After(ca.cert.NotAfter) {
		end = ca.cert.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: n.AgentID}, NotBefore: now.Add(-time.Minute), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{{Scheme: "spiffe", Host: a.ca.TrustDomain, Path: "/agent/" + n.AgentID}},
	}
	if a.ca.CRL != "" {
		template.CRLDistributionPoints = []string{a.ca.CRL + "?ca=" + ca.record.ID}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public.Key(), ca.private)
	if err != nil {
		return fmt.Errorf("sign a certificate: %w", err)
	}
	c, err := keys.FromCertificate(der)
	if err != nil {
		return fmt.Errorf("read a certificate that was just signed: %w", err)
	}
	// A given CA may be bound to other names, or to no CA below it, and one above
	// it may have ended: others see that, who trust the one at the top.
	between, roots := ca.above()
	if err := under(c.Certificate, between, roots, now); err != nil {
		return refuse(NoCA, "The CA signs no certificate that holds: %v.", err)
	}
	describe(add, c)
	add.CA = ca.record.ID
	if add.ID == "" {
		add.ID = c.Serial()
	}
	return nil
}

// Certificates lists what there is of an agent's certificates, newest first:
// the live ones and the latest dead ones.
func (a *Authority) Certificates(ctx context.Context, agentID string) ([]Certificate, error) {
	agent, err := a.Agent(ctx, agentID)
	return agent.Certificates, err
}

// judgeCertificates tells the status of certificates that are newest first.
func judgeCertificates(found []store.Credential, cas []store.CAKey, now time.Time) (out []Certificate) {
	for i, c := range found {
		out = append(out, certificateOf(c, cas, now))
		out[i].Latest = i == 0
	}
	return out
}

// Certificate returns one, however long it has been dead.
func (a *Authority) Certificate(ctx context.Context, agentID, id string) (out Certificate, err error) {
	err = a.store.View(ctx, a.readCertificate(agentID, id, &out))
	return out, err
}

// readCertificate reads a certificate into out.
func (a *Authority) readCertificate(agentID, id string, out *Certificate) func(store.Reader) error {
	return func(r store.Reader) error {
		now := a.Now()
		c, latest, err := certificateShelf.credential(r, agentID, id, now)
		if err != nil {
			return err
		}
		all, err := r.CAKeys()
		*out = certificateOf(c, all, now)
		out.Latest = latest
		return err
	}
}

// certificateOf is a certificate as it stands.
func certificateOf(c store.Credential, cas []store.CAKey, now time.Time) Certificate {
	out := Certificate{Credential: c, Status: lifeOf(c).status(now)}
	if given, err := keys.FromCertificatePEM([]byte(c.Certificate)); err == nil {
		out.Serial = given.Serial()
	}
	if at := slices.IndexFunc(cas, func(k store.CAKey) bool { return k.ID == c.CA }); at >= 0 {
		out.Chain = cas[at].Certificate + cas[at].Chain
	}
	return out
}

// ExpireCertificate moves the expiry of a live one, as ExpireSecret does.
func (a *Authority) ExpireCertificate(ctx context.Context, p Principal, agentID, id string, expires int64) (Certificate, error) {
	var out Certificate
	base := audit.Event{Actor: p.Name, AgentID: agentID, Target: id}
	if err := a.move(ctx, certificateShelf, base, expires, a.readCertificate(agentID, id, &out)); err != nil {
		return Certificate{}, err
	}
	return out, nil
}

// RevokeCertificate ends one at once, and every token that was made with it, as
// RevokeSecret does. One that was signed here enters the revocation list.
func (a *Authority) RevokeCertificate(ctx context.Context, p Principal, agentID, id string, latest *string) error {
	return a.withdraw(ctx, certificateShelf, audit.Event{Actor: p.Name, AgentID: agentID, Target: id}, latest)
}

package authority_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// A certificate is one credential under whatever id it comes: what was revoked or
// has expired comes back under no other, and none is live under two, of which one
// would outlive the revocation of the other.
func TestCertificate_neverUnderAnotherID(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	at := authority.Rotation{AgentID: id}
	given := selfSigned(t, x509.Certificate{NotBefore: w.clock.Now().Add(-time.Hour), NotAfter: w.clock.Now().Add(time.Hour)}, pairs()["ES256"])
	w.issue(t, authority.NewCertificate{Rotation: at, ID: "one", CertificatePEM: given})
	refused := func(what, pem string) {
		t.Helper()
		_, err := w.AddCertificate(t.Context(), admin, authority.NewCertificate{Rotation: at, ID: "another", CertificatePEM: pem})
		t.Run(what, func(t *testing.T) { wantKind(t, err, authority.UsedID) })
	}
	refused("live", given)
	if err := w.RevokeCertificate(t.Context(), admin, id, "one", nil); err != nil {
		t.Fatal(err)
	}
	refused("revoked", given)
	signed := w.issue(t, authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES384")})
	refused("signed here", signed.Certificate)
	if err := w.RevokeCertificate(t.Context(), admin, id, signed.ID, nil); err != nil {
		t.Fatal(err)
	}
	refused("signed here and revoked", signed.Certificate)

	// A name may be trusted again, and another agent may have the certificate.
	for _, name := range []string{"a", "b"} {
		w.issue(t, authority.NewCertificate{Rotation: at, ID: name, Subject: authority.Subject{DNS: "x.example"}})
		if err := w.RevokeCertificate(t.Context(), admin, id, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: w.agent(t)}, CertificatePEM: given})
}

// A certificate ends when it says so, whatever its record is set to: one that
// nobody can log in with is not shown as a live one, and takes no place.
func TestCertificate_neverBeyondItself(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	made := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES384"), Life: time.Hour})
	sooner := w.clock.in(time.Minute)
	for _, tt := range []struct{ to, want int64 }{{sooner, sooner}, {0, made.NotAfter}, {sooner, sooner}, {w.clock.in(48 * time.Hour), made.NotAfter}} {
		c, err := w.ExpireCertificate(t.Context(), admin, id, made.ID, tt.to)
		if err != nil || c.Expires != tt.want {
			t.Errorf("set to %d it ends at %d, not %d: %v", tt.to, c.Expires, tt.want, err)
		}
	}
	w.clock.Add(2 * time.Hour)
	if c, err := w.Certificate(t.Context(), id, made.ID); err != nil || c.Status != authority.StatusExpired {
		t.Errorf("after its end it is %s, %v", c.Status, err)
	}
}

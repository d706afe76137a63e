package apitest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// named asks to trust a subject.
func named(dns string) api.CertificateRequest {
	return api.CertificateRequest{Subject: &api.Subject{DNS: dns}}
}

// csr is a request for a certificate, by a key that nobody has.
func (s *suite) csr() string {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.ok("GenerateKey", err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	s.ok("CreateCertificateRequest", err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// subjects: what is trusted by its name rotates as secrets do.
func subjects(s *suite) {
	id, ctx := s.bare().ID, s.Context()
	first, err := s.c.PutCertificate(ctx, id, "a", named("a.example"), client.NoSecretYet)
	s.ok("PutCertificate", err)
	equal(s, "subject", *first.Subject, api.Subject{DNS: "a.example"})
	equal(s, "status", first.Status, api.Active)
	again, err := s.c.PutCertificate(ctx, id, "a", named("a.example"), "x")
	s.ok("PutCertificate again", err)
	equal(s, "the same again", encode(s, again), encode(s, first))
	_, err = s.c.PutCertificate(ctx, id, "a", named("b.example"), "")
	s.refused("another subject under the id", err, api.ErrUsedID)
	_, err = s.c.AddCertificate(ctx, id, api.CertificateRequest{Subject: &api.Subject{DNS: "a.example", IP: "192.0.2.1"}})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 {
		s.Errorf("two subjects = %v, want a 400", err)
	}
	end := s.after(time.Hour)
	next := named("b.example")
	next.Previous = &api.RetireCertificate{ID: "a", ExpiresAt: end}
	made, err := s.c.AddCertificate(ctx, id, next)
	s.ok("AddCertificate", err)
	old, err := s.c.Certificate(ctx, id, "a")
	s.ok("Certificate", err)
	equal(s, "old status", old.Status, api.Retiring)
	equal(s, "old expiresAt", old.ExpiresAt, end)
	moved, err := s.c.ExpireCertificate(ctx, id, made.ID, end)
	s.ok("ExpireCertificate", err)
	equal(s, "moved expiresAt", moved.ExpiresAt, end)
	s.refused("RevokeCertificate", s.c.RevokeCertificate(ctx, id, "a", "a"), api.ErrStale)
	s.ok("RevokeCertificate", s.c.RevokeCertificate(ctx, id, made.ID, made.ID))
	s.gone("RevokeCertificate", s.c.RevokeCertificate(ctx, id, "unknown", ""))
	list, err := s.c.Certificates(ctx, id)
	s.ok("Certificates", err)
	if len(list) != 2 || list[0].ID != made.ID || list[0].Status != api.Revoked || !list[0].Latest || list[1].Latest {
		s.Errorf("the list is %+v", list)
	}
}

// certificates: those that the server signs, where it does.
func certificates(s *suite) {
	id, ctx := s.bare().ID, s.Context()
	made, err := s.c.AddCertificate(ctx, id, api.CertificateRequest{CSRPEM: s.csr(), Validity: 3600})
	if !s.srv.Certificates {
		if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeNoCA {
			s.Errorf("AddCertificate without a CA = %v, want %s", err, api.CodeNoCA)
		}
		return
	}
	s.ok("AddCertificate", err)
	block, _ := pem.Decode([]byte(made.CertificatePEM))
	leaf, err := x509.ParseCertificate(block.Bytes)
	s.ok("ParseCertificate", err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(made.CAChainPEM))
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	s.ok("Verify", err)
	equal(s, "id", made.ID, made.SerialNumber)
	equal(s, "expiresAt", made.ExpiresAt, leaf.NotAfter.Unix())
	_, err = s.c.AddCertificate(ctx, id, api.CertificateRequest{CSRPEM: s.csr(), Validity: 91 * 24 * 3600})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 400 {
		s.Errorf("91 days = %v, want a 400", err)
	}
}

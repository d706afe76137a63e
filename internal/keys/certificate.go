package keys

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Certificate is a certificate whose key was checked.
type Certificate struct {
	*x509.Certificate
	Public Public
}

// FromCertificatePEM reads one certificate. Who signed it and whether it is
// valid now is another question.
func FromCertificatePEM(data []byte) (Certificate, error) {
	b, err := block(data)
	if err != nil {
		return Certificate{}, err
	}
	if b.Type != "CERTIFICATE" {
		return Certificate{}, unexpected(b, "CERTIFICATE")
	}
	return FromCertificate(b.Bytes)
}

// FromCertificate reads one certificate in DER.
func FromCertificate(der []byte) (Certificate, error) {
	if len(der) > maxText {
		return Certificate{}, fmt.Errorf("%w: it is larger than %d bytes", ErrForm, maxText)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return Certificate{}, unread("a certificate", err)
	}
	p, err := New(c.PublicKey)
	if err != nil {
		return Certificate{}, fmt.Errorf("the key of the certificate: %w", err)
	}
	return Certificate{c, p}, nil
}

// Fingerprint is the SHA-256 of the certificate in base64url: x5t#S256 of RFC
// 7517 §4.9 and RFC 8705 §3.1.
func (c Certificate) Fingerprint() string {
	sum := sha256.Sum256(c.Raw)
	return b64(sum[:])
}

// Serial is the serial number in hexadecimal, as openssl writes it but for the
// case of its letters.
func (c Certificate) Serial() string { return fmt.Sprintf("%x", c.SerialNumber) }

// FromRequestPEM reads the public key of a request for a certificate (PKCS #10)
// and nothing else of it, after it made sure that whoever made the request has
// the private half.
func FromRequestPEM(data []byte) (Public, error) {
	b, err := block(data)
	if err != nil {
		return Public{}, err
	}
	if b.Type != "CERTIFICATE REQUEST" && b.Type != "NEW CERTIFICATE REQUEST" {
		return Public{}, unexpected(b, "CERTIFICATE REQUEST")
	}
	req, err := x509.ParseCertificateRequest(b.Bytes)
	if err != nil {
		return Public{}, unread("a certificate request", err)
	}
	// First the key: a weak one is told as that.
	p, err := New(req.PublicKey)
	if err != nil {
		return Public{}, fmt.Errorf("the key of the request: %w", err)
	}
	// CheckSignature takes SHA-1, by which somebody else's signature could be
	// made to fit.
	if req.SignatureAlgorithm == x509.SHA1WithRSA || req.SignatureAlgorithm == x509.ECDSAWithSHA1 {
		return Public{}, fmt.Errorf("%w: it is signed with %s", ErrAlg, req.SignatureAlgorithm)
	}
	if err := req.CheckSignature(); err != nil {
		if _, old := errors.AsType[x509.InsecureAlgorithmError](err); old {
			return Public{}, fmt.Errorf("%w: it is signed with %s", ErrAlg, req.SignatureAlgorithm)
		}
		return Public{}, ErrPossession
	}
	return p, nil
}

// Chain reads a certificate in PEM and those above it behind it, all as DER too.
func Chain(data []byte) (own Certificate, all [][]byte, err error) {
	if len(data) > maxText {
		return own, nil, fmt.Errorf("%w: it is larger than %d bytes", ErrForm, maxText)
	}
	for rest := data; ; {
		b, after := pem.Decode(rest)
		switch {
		case b == nil && len(all) == 0:
			return own, nil, fmt.Errorf("%w: it is not PEM", ErrForm)
		case b == nil && len(bytes.TrimSpace(rest)) > 0:
			return own, nil, fmt.Errorf("%w: there is something behind its last certificate", ErrForm)
		case b == nil:
			return own, all, nil
		case b.Type != "CERTIFICATE":
			return own, nil, unexpected(b, "CERTIFICATE")
		}
		c, err := FromCertificate(b.Bytes)
		if err != nil {
			return own, nil, err
		}
		if len(all) == 0 {
			own = c
		}
		all, rest = append(all, b.Bytes), after
	}
}

package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// FromPEM reads a public key from one PEM block: PUBLIC KEY (PKIX) or RSA PUBLIC
// KEY (PKCS #1).
func FromPEM(data []byte) (Public, error) {
	b, err := block(data)
	if err != nil {
		return Public{}, err
	}
	var key crypto.PublicKey
	switch {
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		return Public{}, fmt.Errorf("%w: give its public half", ErrPrivate)
	case b.Type == "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(b.Bytes)
	case b.Type == "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(b.Bytes)
	default:
		return Public{}, unexpected(b, "PUBLIC KEY")
	}
	if err != nil {
		return Public{}, unread("a public key", err)
	}
	return New(key)
}

// FromPrivatePEM reads the public half of a private key, as Signer does.
func FromPrivatePEM(data []byte) (Public, error) {
	signer, err := Signer(data)
	if err != nil {
		return Public{}, err
	}
	return New(signer.Public())
}

// Signer reads a private key: PRIVATE KEY (PKCS #8), RSA PRIVATE KEY (PKCS #1) or
// EC PRIVATE KEY (SEC 1). Whether it is a good one is for New to say, of its
// public half. Errors never repeat what was given.
func Signer(data []byte) (crypto.Signer, error) {
	b, err := block(data)
	if err != nil {
		return nil, err
	}
	var key any
	switch b.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(b.Bytes)
	default:
		return nil, unexpected(b, "PRIVATE KEY")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its block is %s, and what is in it is not", ErrForm, b.Type)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: it cannot sign", ErrType)
	}
	return signer, nil
}

// block is the one PEM block of a text. The parameters that openssl writes
// before an EC key are passed over.
func block(data []byte) (*pem.Block, error) {
	if len(data) > maxText {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrForm, maxText)
	}
	b, rest := pem.Decode(data)
	if b != nil && b.Type == "EC PARAMETERS" {
		b, rest = pem.Decode(rest)
	}
	switch {
	case b == nil:
		return nil, fmt.Errorf("%w: it is not PEM", ErrForm)
	case b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, ErrEncrypted
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, fmt.Errorf("%w: there is something behind the first PEM block: give one", ErrForm)
	}
	return b, nil
}

func unexpected(b *pem.Block, want string) error {
	return fmt.Errorf("%w: its PEM block is %.40q, not %q", ErrForm, b.Type, want)
}

// unread says what the parser of crypto/x509 did not like.
func unread(what string, err error) error {
	text := strings.TrimPrefix(err.Error(), "x509: ")
	switch {
	case errors.Is(err, x509.ErrUnsupportedAlgorithm) || strings.Contains(text, "unknown public key algorithm") || strings.Contains(text, "unsupported elliptic curve"):
		return fmt.Errorf("%w: %s", ErrType, text)
	case strings.Contains(text, "elliptic curve point") || strings.Contains(text, "not on curve"):
		return ErrPoint
	}
	return fmt.Errorf("%w as %s: %s", ErrForm, what, text)
}

package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// fileForm starts a text that names a file. Anything else is taken for the key
// itself, and shown nowhere: it may be one with a typing error.
const fileForm = "file:"

// ProofText is a private key, or a certificate and its key, as they are
// configured.
type ProofText struct {
	PrivateKey secret.Text // PEM, or file:NAME
	Alg        string      // of PrivateKey; "": the default
	// Certificate is PEM, or a file; Key as PrivateKey. They count where there
	// is no PrivateKey.
	Certificate string
	Key         secret.Text
}

// Given reports whether there is any.
func (p ProofText) Given() bool {
	return !p.PrivateKey.IsZero() || p.Certificate != "" || !p.Key.IsZero()
}

// Read reads the key, or the certificate and its key, which must not have
// expired now. The errors begin with private_key, client_certificate or
// client_key, which they are about, and never show a key.
func (p ProofText) Read(now time.Time) (Proof, error) {
	if !p.PrivateKey.IsZero() {
		text, err := keyText(p.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("private_key cannot be used: %w", err)
		}
		proof, err := KeyProof(text, p.Alg)
		if err != nil {
			return nil, fmt.Errorf("private_key cannot be used: %w", err)
		}
		return proof, nil
	}
	key, err := keyText(p.Key)
	if err != nil {
		return nil, fmt.Errorf("client_key cannot be used: %w", err)
	}
	chain := p.Certificate
	if !strings.Contains(chain, "-----BEGIN") {
		read, err := os.ReadFile(strings.TrimPrefix(chain, fileForm))
		if err != nil {
			return nil, fmt.Errorf("client_certificate is neither PEM text nor a file that can be read: %w", err)
		}
		chain = string(read)
	}
	proof, err := CertificateProof(chain, key, now)
	switch {
	case OfKey(err):
		return nil, fmt.Errorf("client_key cannot be used: %w", err)
	case err != nil:
		return nil, fmt.Errorf("client_certificate cannot be used: %w", err)
	}
	return proof, nil
}

// keyText is a private key in PEM, of the text itself or of the file that it
// names.
func keyText(given secret.Text) (secret.Text, error) {
	switch name, ok := strings.CutPrefix(given.Reveal(), fileForm); {
	case ok:
		text, err := secret.ReadFile(name)
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err
		}
		if err != nil {
			return secret.Text{}, &fs.PathError{Op: "read", Path: name, Err: err}
		}
		return text, nil
	case !strings.Contains(given.Reveal(), "-----BEGIN"):
		return secret.Text{}, errors.New("it is neither PEM text nor file:NAME with a file that has it")
	}
	return given, nil
}

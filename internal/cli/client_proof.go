package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// proofFlags say what a management client signs in with beside a secret, or
// instead of one.
type proofFlags struct {
	PublicKeyFile   string
	Alg             string
	CertificateFile string
	subject         api.Subject
	noSecret        bool
}

func (p *proofFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.PublicKeyFile, "public-key-file", "", "`file` with a public key in PEM, to sign in with its private half (private_key_jwt)")
	f.StringVar(&p.Alg, "alg", "", "`algorithm` of that key (default RS256 with RSA, else that of the key)")
	f.StringVar(&p.CertificateFile, "certificate-file", "", "`file` with a certificate in PEM, to sign in with (self_signed_tls_client_auth)")
	f.StringVar(&p.subject.DN, "subject-dn", "", "`name` (RFC 4514) in certificates of the CAs of --tls-client-ca, to sign in with\none (tls_client_auth)")
	f.StringVar(&p.subject.DNS, "san-dns", "", "the same by a DNS `name`")
	f.StringVar(&p.subject.URI, "san-uri", "", "the same by a `URI`, as that of SPIFFE")
}

// given reports whether there is any.
func (p *proofFlags) given() bool {
	return p.PublicKeyFile != "" || p.CertificateFile != "" || p.subject != (api.Subject{})
}

// read reads the files. What is in them is judged where it is kept.
func (p *proofFlags) read() (out api.ClientProof, err error) {
	named := 0
	for _, name := range []string{p.CertificateFile, p.subject.DN, p.subject.DNS, p.subject.URI} {
		if name != "" {
			named++
		}
	}
	switch {
	case named > 1:
		return out, usage(errors.New("only one of --certificate-file, --subject-dn, --san-dns and --san-uri is possible"))
	case p.Alg != "" && p.PublicKeyFile == "":
		return out, usage(errors.New("--alg goes with --public-key-file"))
	}
	out.Alg = p.Alg
	if p.subject != (api.Subject{}) {
		out.Subject = &p.subject
	}
	if out.PublicKeyPEM, err = readPEM("public key", "public-key-file", p.PublicKeyFile); err != nil {
		return out, err
	}
	out.CertificatePEM, err = readPEM("certificate", "certificate-file", p.CertificateFile)
	return out, err
}

// maxPEM is more than a key or a certificate has.
const maxPEM = 64 << 10

func readPEM(what, flag, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := os.ReadFile(name)
	if err == nil && len(text) > maxPEM {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxPEM)
	}
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("%s is empty", name)
	}
	if err != nil {
		return "", hint(fmt.Errorf("read the %s: %w", what, err), "--%s names a file with one in PEM", flag)
	}
	return string(text), nil
}

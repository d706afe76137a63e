package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
)

var (
	// ErrAmbiguous is in the chain of an error of a write that may have been
	// carried out all the same: the answer was lost, or it was a failure
	// that says nothing about it.
	ErrAmbiguous = errors.New("the outcome is not known")
	// ErrNotAgent is reported before a write, which is then not sent, when
	// the id belongs to something else: a person, perhaps.
	ErrNotAgent = errors.New("this is not an agent")
)

// failure is an error whose text was made for people, and holds no secret. The
// errors that it wraps are for comparing, not for printing.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// say makes an error of a text.
func (x *exchange) say(text string, err error) error { return &failure{x.scrub(text), err} }

// advice names the setting that helps against a failure of the network.
func advice(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isDNS && dns.IsNotFound:
		return "; check the host name in endpoint"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "; nothing listens there: check endpoint, and that the server runs"
	case unknown:
		return "; set ca_certificate to the certificate of the authority that signed the server's (insecure_skip_verify = true trusts anybody: for tests only)"
	case other:
		return "; use a host name in endpoint that the server's certificate is for"
	case cert:
		return "; the server needs a valid certificate (insecure_skip_verify = true trusts anybody: for tests only)"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "; endpoint starts with https:// but the server speaks plain HTTP"
	default:
		return ""
	}
}

package keys

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Subject is what a certificate must name to be trusted as a client (RFC 8705
// §2.1.2): exactly one of the fields is set.
type Subject struct {
	DN    string // tls_client_auth_subject_dn, as in RFC 4514
	DNS   string // tls_client_auth_san_dns
	URI   string // tls_client_auth_san_uri
	IP    string // tls_client_auth_san_ip
	Email string // tls_client_auth_san_email
}

// Check tells what is wrong with the subject.
func (s Subject) Check() error {
	set := 0
	for _, field := range []string{s.DN, s.DNS, s.URI, s.IP, s.Email} {
		if field != "" {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("exactly one of the five ways to name a subject is needed, not %d", set)
	}
	// Names in certificates are ASCII (RFC 5280 §4.2.1.6), and what is not could
	// look or fold like another.
	for _, field := range []string{s.DNS, s.URI, s.Email} {
		if strings.ContainsFunc(field, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("%.100q has what no such name in a certificate has: write it in ASCII, a DNS name with xn--", field)
		}
	}
	switch {
	case s.DN != "":
		_, err := parseDN(s.DN)
		return err
	case s.DNS != "" && (strings.ContainsAny(s.DNS, "* /:@") || strings.HasSuffix(s.DNS, ".") || strings.HasPrefix(s.DNS, ".")):
		return fmt.Errorf("%.100q is not a DNS name; there are no wildcards", s.DNS)
	case s.URI != "":
		u, err := url.Parse(s.URI)
		if err != nil || !u.IsAbs() {
			return fmt.Errorf("%.100q is not a URI", s.URI)
		}
		// It is compared as it is written, and certificates are read so.
		if u.String() != s.URI {
			return fmt.Errorf("%.100q would match no certificate: write it as %.100q", s.URI, u)
		}
	case s.IP != "" && net.ParseIP(s.IP) == nil:
		return fmt.Errorf("%.100q is not an IP address", s.IP)
	case s.Email != "" && strings.Count(s.Email, "@") != 1:
		return fmt.Errorf("%.100q is not an e-mail address", s.Email)
	}
	return nil
}

// Matches reports whether the certificate has that name. DNS names are compared
// without letter case and without wildcards, addresses by value, all else
// exactly: a name that is only similar is another one's.
func (s Subject) Matches(c *x509.Certificate) bool {
	if s.Check() != nil {
		return false
	}
	switch {
	case s.DN != "":
		want, err := parseDN(s.DN)
		have, err2 := readDN(c.RawSubject)
		return errors.Join(err, err2) == nil && sameDN(want, have)
	case s.DNS != "":
		for _, name := range c.DNSNames {
			if strings.EqualFold(name, s.DNS) {
				return true
			}
		}
	case s.URI != "":
		for _, uri := range c.URIs {
			if uri.String() == s.URI {
				return true
			}
		}
	case s.IP != "":
		want := net.ParseIP(s.IP)
		for _, ip := range c.IPAddresses {
			if ip.Equal(want) {
				return true
			}
		}
	case s.Email != "":
		if slices.Contains(c.EmailAddresses, s.Email) {
			return true
		}
	}
	return false
}

// sameDN compares names part by part, in order; the attributes of one part are
// a set.
func sameDN(a, b []rdn) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return false
		}
		for j := range a[i] {
			if a[i][j].oid != b[i][j].oid || !bytes.Equal(a[i][j].value, b[i][j].value) {
				return false
			}
		}
	}
	return true
}

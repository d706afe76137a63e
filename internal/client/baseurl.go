package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// parseBase reads a base URL. Its errors do not quote what may hold a
// password.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		// The error of net/url quotes all of it.
		return nil, errors.New("endpoint is not a URL; it looks like https://api.asgardeo.io/t/my-organization")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("endpoint must start with https:// (or, on this machine, http://)")
	case u.User != nil:
		return nil, errors.New("endpoint must not hold a user name or a password: give username and password as arguments of their own")
	case u.Hostname() == "":
		return nil, errors.New("endpoint must name a host, as https://api.asgardeo.io/t/my-organization does")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("endpoint must end before the ? or #: it is the base URL of the server")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("endpoint %s would send secrets in clear: use https://; plain http is only for a server on this machine (http://localhost:8484), also at the end of a tunnel", u)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	for _, end := range []string{api.PathAgents, "/scim2", api.PathToken, "/api/server/v1"} {
		path = strings.TrimRight(strings.TrimSuffix(path, end), "/")
	}
	if err := checkAsgardeo(u.Hostname(), path); err != nil {
		return nil, err
	}
	return url.Parse(u.Scheme + "://" + u.Host + path)
}

// loopback reports whether a host is this machine, whatever a resolver says
// (RFC 6761: localhost and what ends in .localhost).
func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// organizations ends the base URL of an organization below a tenant.
const organizations = "/o"

// belowTenant takes the end of such a URL away. A tenant can have the name o.
func belowTenant(path string) (tenant string, below bool) {
	tenant, below = strings.CutSuffix(path, organizations)
	if !below || tenant == "/t" {
		return path, false
	}
	return tenant, true
}

// checkAsgardeo finds what people copy from the browser, and what would be the
// tenant of nobody.
func checkAsgardeo(host, path string) error {
	host = strings.ToLower(host)
	if host != "asgardeo.io" && !strings.HasSuffix(host, ".asgardeo.io") {
		return nil
	}
	switch {
	case !strings.HasPrefix(host, "api."):
		return fmt.Errorf("endpoint names %s, which is for browsers: the API is at https://api.asgardeo.io/t/<organization>", host)
	case !strings.HasPrefix(path, "/t/"):
		return errors.New("endpoint must name the organization, as in https://api.asgardeo.io/t/my-organization")
	}
	return nil
}

// checkOrganization: a token of a tenant is none for an organization below it.
func checkOrganization(base *url.URL, cfg Config) error {
	_, below := belowTenant(base.EscapedPath())
	_, signsIn := cfg.Auth.(clientCredentials)
	switch {
	case cfg.Organization != "" && !below:
		return fmt.Errorf("organization_id needs an endpoint that ends in %s, as in https://api.asgardeo.io/t/my-organization%s", organizations, organizations)
	case cfg.Organization == "" && below && signsIn:
		return fmt.Errorf("organization_id is needed: endpoint ends in %s, which is an organization below the tenant, and the client must switch its token to it", organizations)
	}
	return checkOptional("organization_id", cfg.Organization)
}

func checkOptional(name, value string) error {
	if value == "" {
		return nil
	}
	return checkValue(name, value, nil)
}

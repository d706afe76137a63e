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
	for _, end := range []string{api.PathAgents, "/scim2"} {
		path = strings.TrimRight(strings.TrimSuffix(path, end), "/")
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

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func checkTLS(s settings, _ *serveConfig) error {
	switch {
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return badValue("tls-cert", s.TLSCert, errors.New("--tls-cert and --tls-key go together"))
	case s.TLSSelfSigned && s.TLSCert != "":
		return badValue("tls-self-signed", "true", errors.New("there is --tls-cert already"))
	case s.TLSSelfSigned && s.BehindTLSProxy:
		return badValue("tls-self-signed", "true", errors.New("--behind-tls-proxy says that a proxy does TLS"))
	case s.BehindTLSProxy && s.TLSCert != "":
		return badValue("behind-tls-proxy", "true", errors.New("with --tls-cert the server speaks TLS itself"))
	}
	return nil
}

// checkIssuer wants the URL that others use. On a loopback address without a
// proxy it is the one that the server listens on.
func checkIssuer(s settings, cfg *serveConfig) error {
	cfg.issuer = strings.TrimRight(s.Issuer, "/")
	local, _ := loopback(s.Listen) // looked at before
	if s.Issuer == "" {
		if local && !s.BehindTLSProxy {
			return nil
		}
		return badValue("issuer", "", errors.New("give the https url by which others reach this server, as in https://agents.example.com"))
	}
	u, err := url.Parse(cfg.issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return badValue("issuer", "…", errors.New("it must be an https url without user, query and fragment"))
	}
	if u.Scheme == "http" && (!isLoopback(u.Hostname()) || !local || s.BehindTLSProxy || !cfg.plain()) {
		return badValue("issuer", s.Issuer, errors.New("http is possible only for a server that is reached by a loopback address alone"))
	}
	return nil
}

// isLoopback reports whether a host names this machine alone.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// loopback reports whether only this machine can reach the address.
func loopback(address string) (bool, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false, errors.New("give it as host:port, as in 127.0.0.1:8484")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false, errors.New("the port must be a number from 0 to 65535")
	}
	return isLoopback(host), nil
}

// listen takes the address. A name can lead anywhere, so it is looked at again.
func listen(ctx context.Context, cfg serveConfig) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return nil, hint(err, "is another server running there? choose another port with --listen (port 0 takes a free one)")
	}
	a, ok := l.Addr().(*net.TCPAddr)
	if local, _ := loopback(cfg.listen); local && (!ok || !a.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("%s leads to %s, which is not a loopback address", cfg.listen, l.Addr()), l.Close())
	}
	return l, nil
}

// ownURL is where the server can be reached on its machine.
func ownURL(cfg serveConfig, l net.Listener) string {
	if cfg.plain() {
		return "http://" + l.Addr().String()
	}
	return "https://" + l.Addr().String()
}

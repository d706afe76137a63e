package cli

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are who may say where a request comes from.
type proxies []netip.Prefix

// parseProxies reads CIDRs, and single addresses.
func parseProxies(texts []string) (proxies, error) {
	var out proxies
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if ip, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p proxies) trusts(ip netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// address is where a request comes from. Each proxy adds at the end who it
// heard of, so the last one that is not a proxy of ours is it; what stands
// before could be invented. When the two headers that tell it do not agree, one
// of them was sent by the client, and neither counts.
func (p proxies) address(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := peer.Addr().Unmap().WithZone("")
	if !p.trusts(ip) {
		return ip.String()
	}
	old, standard := listed(r.Header.Values("X-Forwarded-For")), forwarded(r.Header.Values("Forwarded"))
	switch {
	case len(standard) == 0:
		return p.last(ip, old).String()
	case len(old) == 0:
		return p.last(ip, standard).String()
	}
	if found := p.last(ip, standard); found == p.last(ip, old) {
		return found.String()
	}
	return ip.String()
}

// last goes back along the proxies, from the one that is connected.
func (p proxies) last(ip netip.Addr, hops []string) netip.Addr {
	for i := len(hops) - 1; i >= 0 && p.trusts(ip); i-- {
		next, ok := hop(hops[i])
		if !ok {
			return ip // "unknown", a hidden name, or rubbish
		}
		ip = next
	}
	return ip
}

// listed are the members of lists with commas between.
func listed(headers []string) (out []string) {
	for _, header := range headers {
		for member := range strings.SplitSeq(header, ",") {
			out = append(out, strings.TrimSpace(member))
		}
	}
	return out
}

// forwarded are the for parameters of RFC 7239, "" for an element without one.
// None of their values may hold a comma or a semicolon.
func forwarded(headers []string) []string {
	elements := listed(headers)
	for i, element := range elements {
		elements[i] = ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "for") {
				elements[i] = strings.Trim(value, `"`)
			}
		}
	}
	return elements
}

// hop reads an address, with a port or without.
func hop(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	if len(text) > 1 && text[0] == '[' && text[len(text)-1] == ']' {
		text = text[1 : len(text)-1]
	}
	ip, err := netip.ParseAddr(text)
	return ip.Unmap().WithZone(""), err == nil
}

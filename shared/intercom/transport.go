package intercom

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// newTransport is made for many requests to one host: HTTP/2 where the server
// speaks it, otherwise enough idle connections for every request under way.
func newTransport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: timeout,
		ExpectContinueTimeout: time.Second,
		ReadBufferSize:        32 << 10,
	}
}

// A foreignTransport goes where a redirect leads. What it dials is checked
// when the name has been resolved, so no name can lead into a private network.
type foreignTransport struct {
	guarded *http.Transport
	proxied *http.Transport // where a proxy is configured it does the dialing
}

func newForeignTransport(own *http.Transport) *foreignTransport {
	guarded := own.Clone()
	guarded.Proxy = nil
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: guardDial}
	guarded.DialContext = dialer.DialContext
	guarded.MaxIdleConnsPerHost = 4
	return &foreignTransport{guarded: guarded, proxied: own}
}

// RoundTrip implements http.RoundTripper.
func (t *foreignTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.proxied.Proxy != nil {
		proxy, err := t.proxied.Proxy(req)
		if err != nil {
			return nil, fmt.Errorf("find the proxy: %w", err)
		}
		if proxy != nil {
			return t.proxied.RoundTrip(req)
		}
	}
	return t.guarded.RoundTrip(req)
}

// CloseIdleConnections closes the connections that are not in use.
func (t *foreignTransport) CloseIdleConnections() { t.guarded.CloseIdleConnections() }

var errPrivateAddress = errors.New("the address is not a public one")

// guardDial refuses to connect to anything but a public address.
func guardDial(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(to.Addr()) {
		return errPrivateAddress
	}
	return nil
}

// reserved are the addresses that look public and are not (IANA's registries of
// special purpose addresses).
var reserved = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carriers' NAT
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),          // old way to write IPv4
	netip.MustParsePrefix("64:ff9b:1::/48"), // local NAT64
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // tunnels
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // IPv4 in IPv6
	netip.MustParsePrefix("fec0::/10"),
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// isPublic reports whether an address belongs to the internet at large: not
// loopback, link-local (where clouds keep credentials), private, multicast,
// unspecified or reserved, however it is written.
func isPublic(addr netip.Addr) bool {
	if addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	if nat64.Contains(addr) {
		b := addr.As16()
		addr = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, prefix := range reserved {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

package cli

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
)

// defaultPort is the callback's on a laptop. docs/configuration.md names it.
const defaultPort = 8765

// An appVault keeps the apps of clients, and their tokens.
type appVault interface {
	App(ctx context.Context, client string) (grant.App, error)
	PutApp(ctx context.Context, client string, app grant.App) error
}

// A site is where a client's access is granted: a stack, or this machine.
type site struct {
	vault    appVault
	place    string // where the vault is, in words
	redirect string // the address that Intercom sends browsers back to
	stack    *deployment
}

// site finds out where the callback is. On this machine it will listen on port.
func (a *app) site(ctx context.Context, flags stackFlags, client *config.Client, port int) (*site, error) {
	configured := client.Auth.CallbackURL
	if !flags.deployed() {
		s := &site{vault: a.secrets(), place: a.secretsPath()}
		s.redirect = "https://" + net.JoinHostPort("localhost", strconv.Itoa(port)) + grant.CallbackPath
		if isLocal(configured) {
			s.redirect = configured
		}
		return s, nil
	}
	d, err := a.stack(ctx, flags)
	if err != nil {
		return nil, err
	}
	return d.site(client)
}

// isLocal says whether an address is on this machine.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback() || strings.EqualFold(u.Hostname(), "localhost")
}

// portOf is the port of an address, 443 where it names none.
func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	return 443
}

package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/internal/grant"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/state"
)

// here takes the callback on this machine.
func (c *grantCommand) here(ctx context.Context, a *app, cfg *config.Config, order grant.Order) error {
	store, err := sqlitestate.Open(ctx, a.statePath())
	if err != nil {
		return err
	}
	defer store.Close()
	client := *order.Client
	if c.LogRequests != "" {
		client.LogRequests = config.LogRequest(c.LogRequests)
	}
	clients := maps.Clone(cfg.Clients)
	clients[client.Name] = &client
	vault := a.secrets()
	handler, err := grant.New(grant.Config{
		Clients: clients, Store: store, Vault: vault, Publishers: publishersHere{store, vault},
		Log: a.log(), RequestLog: a.logger(slog.LevelInfo), UserAgent: "intercom-connector/" + version(),
	})
	if err != nil {
		return err
	}
	server, err := serveCallback(ctx, handler, portOf(order.RedirectURL))
	if err != nil {
		return err
	}
	defer server.close(ctx)
	a.note("the browser comes back to %s, which has to be one of the app's redirect URLs in Intercom's Developer Hub;", order.RedirectURL)
	a.note("it will warn there, because the certificate is made here, for this one grant: go on to localhost")
	return c.through(ctx, a, store, order, 200*time.Millisecond)
}

// publishersHere are those of this machine.
type publishersHere struct {
	store state.Store
	vault grant.Vault
}

// Resume implements grant.Publishers.
func (p publishersHere) Resume(ctx context.Context, client, version string) error {
	return pause.Resume(ctx, p.store, client, version)
}

// Revoked implements grant.Publishers.
func (p publishersHere) Revoked(ctx context.Context, client, version, reason string) error {
	_, err := pause.Revoke(ctx, p.store, client, reason, version, func(ctx context.Context) (string, error) {
		token, err := p.vault.Token(ctx, client)
		if errors.Is(err, grant.ErrNoToken) {
			return pause.NoToken, nil
		}
		return token.Version, err
	})
	return err
}

// serveCallback serves on the loopback address, by TLS: Intercom sends browsers
// back to https only.
func serveCallback(ctx context.Context, handler http.Handler, port int) (*server, error) {
	certificate, err := selfSigned(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, usagef("port %d is taken: --port names another, which has to be in the app's redirect URL too", port)
	}
	if err != nil {
		return nil, fmt.Errorf("take the callback: %w", err)
	}
	s := &server{
		url: "https://" + listener.Addr().String(),
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       20 * time.Second,
			IdleTimeout:       time.Second,
			MaxHeaderBytes:    64 << 10,
			// A browser that does not trust the certificate yet is no news.
			ErrorLog:    log.New(io.Discard, "", 0),
			BaseContext: func(net.Listener) context.Context { return ctx },
			TLSConfig:   &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		},
		ended: make(chan struct{}),
	}
	go func() {
		defer close(s.ended)
		_ = s.http.ServeTLS(listener, "", "") // it ends with close, and its error says so
	}()
	return s, nil
}

// selfSigned makes a certificate for this machine that is good for an hour. Its
// key is never written down.
func selfSigned(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "localhost", Organization: []string{"intercom-connector"}},
		NotBefore:             now.Add(-time.Minute),
		NotAfter:              now.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

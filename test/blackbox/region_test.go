package blackbox_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Intercom's own hosts, as far as the program can tell: a proxy leads to a
// server with a certificate in their names.
func intercom(t *testing.T, h http.Handler) (proxy, roots string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"},
		IsCA:     true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = t.TempDir() + "/roots.pem"
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: certificate}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(roots, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	through := httptest.NewServer(tunnel{server.Listener.Addr().String()})
	t.Cleanup(through.Close)
	return through.URL, roots
}

// A tunnel is a proxy that leads to one server, whatever is asked for.
type tunnel struct{ to string }

func (p tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	far, err := new(net.Dialer).DialContext(r.Context(), "tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go copyAll(far, rest.Reader)
	_, _ = io.Copy(near, far)
}

func copyAll(to io.Writer, from *bufio.Reader) { _, _ = io.Copy(to, from) }

// A token that lives in another region than the configuration says is an error
// that names the right one.
func TestRegion(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the certificates that are trusted are not ours to choose")
	}
	for _, tt := range []struct {
		name, configured, lives string
		status                  int
	}{
		{"right", "eu", "EU", 0},
		{"default is us", "", "US", 0},
		{"lives in the eu", "us", "EU", 1},
		{"lives in australia", "", "AU", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ws := amsterdam(t)
			ws.Region = tt.lives
			ws.Fill("tags", 10, time.Hour)
			var hosts sync.Map
			proxy, roots := intercom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				hosts.Store(r.Host, true)
				ws.ServeHTTP(w, r)
			}))
			config := "clients:\n  main: {auth: access_token"
			if tt.configured != "" {
				config += ", region: " + tt.configured
			}
			d := newDesk(t, config+"}\nsubscriptions:\n"+subscription("entity: tags"))
			cmd := d.command(t.Context(), "run", "it")
			cmd.Env = append(cmd.Env, "HTTPS_PROXY="+proxy, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR=/nonexistent")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			r := d.finish(cmd, &stdout, &stderr)
			if tt.status == 0 {
				if r.status != 0 {
					t.Errorf("run: %v", r)
				}
				return
			}
			r.complains(t, tt.status, "region", map[string]string{"EU": "eu", "AU": "au"}[tt.lives])
			asked := 0
			hosts.Range(func(any, any) bool { asked++; return true })
			if asked > 1 {
				t.Errorf("asked %d regions", asked)
			}
		})
	}
}

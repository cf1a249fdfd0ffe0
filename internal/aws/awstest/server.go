package awstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	patience = time.Minute // for a start on a machine that is busy
	attempts = 3           // somebody else may take the port
)

// script runs the emulator for as long as somebody holds the other end of its
// standard input, and removes its folder then. Ends of processes do not come
// more reliable: it works for a test binary that was killed, too.
const script = `
import os, shutil, signal, sys, threading, time
def watch():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
sys.argv = ["ministack"]
from ministack.app import main
try:
    main()
finally:
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
`

// run starts an emulator and waits until it is ready.
func run() (*Emulator, error) {
	var last error
	for range attempts {
		e, err := try()
		if err == nil {
			return e, nil
		}
		last = err
	}
	return nil, last
}

func try() (*Emulator, error) {
	folder, err := cache()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ministack-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		Endpoint: "https://127.0.0.1:" + port,
		CAFile:   filepath.Join(dir, "server.crt"),
		LogFile:  filepath.Join(dir, "ministack.log"),
	}
	keyFile := filepath.Join(dir, "server.key")
	roots, err := writeCertificate(e.CAFile, keyFile)
	if err != nil {
		return nil, err
	}
	// Functions inherit this environment, so there is no more in it than needed.
	exited, err := command(filepath.Join(folder, "venv", "bin", "python"), e.LogFile, []string{
		"PATH=" + getenv("PATH"),
		"HOME=" + dir,
		"TMPDIR=" + dir,
		"STATE_DIR=" + filepath.Join(dir, "state"),
		"LANG=C.UTF-8",
		"BIND_HOST=127.0.0.1",
		"GATEWAY_PORT=" + port,
		"MINISTACK_HOST=127.0.0.1",
		"MINISTACK_REGION=" + Region,
		"MINISTACK_SSL_CERT=" + e.CAFile,
		"MINISTACK_SSL_KEY=" + keyFile,
		"IOT_MTLS_ENABLED=0",
		"AUTH=true",
		"USE_SSL=1",
		"AWS_ENDPOINT_URL=" + e.Endpoint,
		"AWS_CA_BUNDLE=" + e.CAFile,
		"AWS_LAMBDA_LOG_FORMAT=JSON", // Lambda itself takes it from the function's settings
		"AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test",
	})
	if err == nil {
		err = wait(e.Endpoint+"/_ministack/health", roots, exited)
	}
	if err != nil {
		said, _ := os.ReadFile(e.LogFile)
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return e, nil
}

// command starts the script. The channel gets an error when it ends.
func command(python, logFile string, env []string) (<-chan error, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	stdin, held, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	cmd := exec.Command(python, "-c", script) //nolint:noctx // It outlives the test that starts it.
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, stdin, log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	exited := make(chan error, 1)
	go func() {
		exited <- errors.Join(errors.New("it has ended"), cmd.Wait(), held.Close())
	}()
	return exited, nil
}

// wait returns when the emulator is ready, or an error when it has ended or
// takes too long.
func wait(url string, roots *x509.CertPool, exited <-chan error) error {
	client := &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	var last error
	for {
		select {
		case err := <-exited:
			return err
		case <-timeout:
			return fmt.Errorf("it is not ready after %v: %w", patience, last)
		case <-tick.C:
		}
		resp, err := client.Get(url) //nolint:noctx // The client has a timeout.
		if err != nil {
			last = err
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		last = errors.New(resp.Status)
	}
}

// freePort returns a port that was free a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is closed at once.
	if err != nil {
		return "", err
	}
	addr, _ := l.Addr().(*net.TCPAddr)
	return strconv.Itoa(addr.Port), l.Close()
}

// writeCertificate makes a certificate for the emulator, which would need the
// openssl command to make one.
func writeCertificate(certFile, keyFile string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "emulator of intercom-connector"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(7 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		// Some trust only what says that it is no authority.
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots.AppendCertsFromPEM(certificate)
	return roots, errors.Join(
		os.WriteFile(certFile, certificate, 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}

package awsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// newHTTPClient makes the client of all services. They speak HTTP/1.1, so
// nothing is spent on finding out whether they speak HTTP/2. Every request
// under way has a connection of its own, which is kept for the next one.
func newHTTPClient(caFile string) (*http.Client, error) {
	roots, err := loadRoots(caFile)
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			Protocols:           protocols,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout: 5 * time.Second,
			// Longer than the 20 seconds for which SQS may hold an answer back.
			ResponseHeaderTimeout: 40 * time.Second,
			ExpectContinueTimeout: time.Second,
			MaxIdleConnsPerHost:   128,
			IdleConnTimeout:       60 * time.Second,
		},
		// A redirect is an answer: the SDK signs for one address.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// loadRoots returns nil, which means the system's roots, for no file.
func loadRoots(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("AWS_CA_BUNDLE: the file has no certificate")
	}
	return roots, nil
}

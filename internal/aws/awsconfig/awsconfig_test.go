package awsconfig_test

import (
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"intercom-connector/internal/aws/awsconfig"
)

// lambda is what Lambda sets.
var lambda = map[string]string{
	"AWS_REGION":            "eu-west-1",
	"AWS_ACCESS_KEY_ID":     "AKIAEXAMPLE",
	"AWS_SECRET_ACCESS_KEY": "planted-secret",
	"AWS_SESSION_TOKEN":     "planted-session",
}

// with is Lambda's environment and some more. A value of "" is none.
func with(more map[string]string) func(string) string {
	all := maps.Clone(lambda)
	maps.Copy(all, more)
	return func(name string) string { return all[name] }
}

func TestNew(t *testing.T) {
	t.Parallel()
	cfg, err := awsconfig.New(with(nil))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "AKIAEXAMPLE" || got.SecretAccessKey != "planted-secret" || got.SessionToken != "planted-session" {
		t.Error("the credentials are not those of the environment")
	}
	if got, want := cfg.Region, "eu-west-1"; got != want {
		t.Errorf("region: got %q, want %q", got, want)
	}
	if cfg.BaseEndpoint != nil {
		t.Errorf("endpoint: got %q, want the service's own", *cfg.BaseEndpoint)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		more map[string]string
		want []string
	}{
		{
			"nothing set",
			map[string]string{"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
			[]string{"AWS_REGION is not set", "AWS_ACCESS_KEY_ID is not set", "AWS_SECRET_ACCESS_KEY is not set"},
		},
		{"endpoint without a scheme", map[string]string{"AWS_ENDPOINT_URL": "localhost:4566"}, []string{"AWS_ENDPOINT_URL"}},
		{"endpoint of another kind", map[string]string{"AWS_ENDPOINT_URL": "ftp://host"}, []string{"AWS_ENDPOINT_URL"}},
		{"no such bundle", map[string]string{"AWS_CA_BUNDLE": empty + ".none"}, []string{"AWS_CA_BUNDLE", "no such file"}},
		{"bundle without a certificate", map[string]string{"AWS_CA_BUNDLE": empty}, []string{"AWS_CA_BUNDLE"}},
		{"several at once", map[string]string{"AWS_REGION": "", "AWS_ENDPOINT_URL": ":"}, []string{"AWS_REGION", "AWS_ENDPOINT_URL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := awsconfig.New(with(tt.more))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "planted") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// A client speaks HTTP/1.1 with a server whose certificate only the bundle
// knows, signs with the session, and repeats what failed for the moment.
func TestClient(t *testing.T) {
	t.Parallel()
	requests := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if got, want := r.Proto, "HTTP/1.1"; got != want {
			t.Errorf("protocol: got %s, want %s", got, want)
		}
		if got := r.Header.Get("X-Amz-Security-Token"); got != "planted-session" {
			t.Error("the request is not signed with the session")
		}
		if requests < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"SecretString":"value"}`))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := awsconfig.New(with(map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_CA_BUNDLE": bundle}))
	if err != nil {
		t.Fatal(err)
	}

	got, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := aws.ToString(got.SecretString), "value"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if requests != 3 {
		t.Errorf("%d requests, want 3", requests)
	}
}

// A body that has ended is no reason to drop the answer.
func TestClientKeepsAnswers(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("x", 1<<16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != "asked" {
			t.Errorf("the request is %q, %v", got, err)
		}
		_, _ = io.WriteString(w, want[:10])
		_ = http.NewResponseController(w).Flush()
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(w, want[10:])
	}))
	t.Cleanup(server.Close)
	cfg, err := awsconfig.New(with(nil))
	if err != nil {
		t.Fatal(err)
	}
	body := &ended{Reader: strings.NewReader("asked")}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 5
	resp, err := cfg.HTTPClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want {
		t.Errorf("got %d bytes of %d, %v", len(got), len(want), err)
	}
	if !body.closed.Load() {
		t.Error("the body is left open")
	}
}

// ended is what the SDK's bodies are once it has closed them.
type ended struct {
	io.Reader
	closed atomic.Bool
}

func (e *ended) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }

func (e *ended) Close() error {
	e.closed.Store(true)
	return nil
}

// A redirect could lead anywhere with what was signed for one service.
func TestClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var requests int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	cfg, err := awsconfig.New(with(map[string]string{"AWS_ENDPOINT_URL": server.URL}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = secretsmanager.NewFromConfig(cfg).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	if err == nil || requests != 1 {
		t.Errorf("got %v after %d requests, want an error after one", err, requests)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	cfg, err := awsconfig.New(with(nil))
	if err != nil {
		t.Fatal(err)
	}
	retryer := cfg.Retryer()
	var total, last time.Duration
	for attempt := 1; attempt < retryer.MaxAttempts(); attempt++ {
		d, err := retryer.RetryDelay(attempt, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d < last/2 || d <= 0 {
			t.Errorf("attempt %d: a pause of %v after one of %v", attempt, d, last)
		}
		total, last = total+d, d
	}
	if total < time.Second || total > 5*time.Second {
		t.Errorf("gives up after %v", total)
	}
}

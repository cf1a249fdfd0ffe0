package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/secrets"
	"intercom-connector/shared/intercom"
)

// A manager answers as Secrets Manager does, of one secret. Its token is
// token-1 in version v1, and so on.
type manager struct {
	mu      sync.Mutex
	version int // 0: the secret has no value
	reads   int
	status  int           // of every answer, where it is not 200
	takes   time.Duration // an answer; the value is that of its beginning
}

func (m *manager) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// RoundTrip implements http.RoundTripper.
func (m *manager) RoundTrip(req *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.reads++
	status, takes := http.StatusOK, m.takes
	body := fmt.Sprintf(`{"SecretString":"{\"token\":\"token-%d\"}","VersionId":"v%d"}`, m.version, m.version)
	switch {
	case m.status != 0:
		status, body = m.status, `{"__type":"AccessDeniedException","message":"no"}`
	case m.version == 0:
		status, body = http.StatusBadRequest, `{"__type":"ResourceNotFoundException","message":"no value"}`
	}
	m.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// nobody signs in a way that only a fake takes.
var nobody = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil })

// source returns a source of a manager's secret.
func source() (*manager, *secrets.Source) {
	m := &manager{version: 1}
	store := secrets.New(aws.Config{
		Region:      "eu-west-1",
		HTTPClient:  &http.Client{Transport: m},
		Credentials: nobody,
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, "stack")
	return m, store.Source("main", false)
}

// want checks what the source has for someone who was refused with stale.
func want(t *testing.T, s *secrets.Source, stale string, n int) {
	t.Helper()
	token, version, err := s.Renew(t.Context(), stale)
	if err != nil || token != fmt.Sprintf("token-%d", n) || version != fmt.Sprintf("v%d", n) {
		t.Errorf("Renew(%q): got version %q, %v, want v%d", stale, version, err, n)
	}
}

// reads checks how often the secret was read.
func (m *manager) want(t *testing.T, reads int) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reads != reads {
		t.Errorf("%d reads, want %d", m.reads, reads)
	}
}

func TestSourceRemembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		for range 100 {
			want(t, s, "", 1)
		}
		m.want(t, 1)
		m.set(func() { m.version = 2 })
		time.Sleep(5*time.Minute - time.Second)
		want(t, s, "", 1)
		time.Sleep(time.Second)
		want(t, s, "", 2)
		m.want(t, 2)
	})
}

func TestSourceReadsAfterARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		want(t, s, "", 1)
		want(t, s, "v1", 1) // there is no other
		m.want(t, 2)
		m.set(func() { m.version = 2 })
		want(t, s, "v1", 2)
		m.want(t, 3)
		want(t, s, "v1", 2) // somebody who was slow
		want(t, s, "", 2)
		m.want(t, 3)
	})
}

// Those who were refused at the same time share a read, but none that began
// before they were.
func TestSourceSharesReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		want(t, s, "", 1)
		m.set(func() { m.takes = time.Second })
		var wg sync.WaitGroup
		wg.Go(func() { want(t, s, "v1", 1) }) // reads before the token is replaced
		time.Sleep(500 * time.Millisecond)
		m.set(func() { m.version = 2 })
		for range 20 {
			wg.Go(func() { want(t, s, "v1", 2) })
		}
		wg.Wait()
		m.want(t, 3)
	})
}

func TestSourceSharesTheFirstRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		m.set(func() { m.takes = time.Second })
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { want(t, s, "", 1) })
		}
		wg.Wait()
		m.want(t, 1)
	})
}

// While the secret cannot be read, the token that is known is used for a while,
// but not by someone who was refused with it.
func TestSourceKeepsTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		want(t, s, "", 1)
		m.set(func() { m.status = http.StatusBadRequest })
		time.Sleep(5 * time.Minute)
		for range 10 {
			want(t, s, "", 1)
		}
		m.want(t, 2)
		if _, _, err := s.Renew(t.Context(), "v1"); err == nil {
			t.Error("a token that was refused is given again")
		}
		time.Sleep(30 * time.Second)
		want(t, s, "", 1)
		m.want(t, 4)
		time.Sleep(time.Hour)
		if _, err := s.Token(t.Context()); err == nil || errors.Is(err, intercom.ErrNoToken) {
			t.Errorf("after an hour: got %v, want the error of the read", err)
		}
		m.set(func() { m.status = 0 })
		want(t, s, "", 1)
	})
}

// A token that is gone is not remembered.
func TestSourceForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		want(t, s, "", 1)
		m.set(func() { m.version = 0 })
		for _, stale := range []string{"v1", "", ""} {
			if _, _, err := s.Renew(t.Context(), stale); !errors.Is(err, intercom.ErrNoToken) {
				t.Errorf("got %v, want %v", err, intercom.ErrNoToken)
			}
		}
		m.set(func() { m.version = 2 })
		want(t, s, "", 2)
	})
}

// Who waits for somebody else's read waits no longer than for the context.
func TestSourceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		m.set(func() { m.takes = time.Minute })
		go func() { _, _ = s.Token(t.Context()) }()
		synctest.Wait()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begun := time.Now()
			if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > time.Second {
				t.Errorf("got %v after %v", err, time.Since(begun))
			}
			cancel()
		}
		time.Sleep(time.Minute)
	})
}

// The client sends what was refused again, with the token that is new.
func TestClientRenews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, s := source()
		workspace := roundTripper(func(req *http.Request) (*http.Response, error) {
			status := http.StatusOK
			if req.Header.Get("Authorization") != "Bearer token-2" {
				status = http.StatusUnauthorized
			}
			return &http.Response{
				StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
				Header: http.Header{"Content-Type": {"application/json"}},
				Body:   io.NopCloser(strings.NewReader(`{"type":"admin"}`)),
			}, nil
		})
		client, err := intercom.New(intercom.Config{Token: s, Transport: workspace})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		me, err := intercom.Find(http.MethodGet, "me", 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(t.Context(), &intercom.Request{Operation: me})
		refused, ok := errors.AsType[*intercom.APIError](err)
		if !ok || refused.TokenVersion != "v1" {
			t.Errorf("got %v, want a refusal of v1", err)
		}
		m.set(func() { m.version = 2 })
		if _, err := client.Do(t.Context(), &intercom.Request{Operation: me}); err != nil {
			t.Error(err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

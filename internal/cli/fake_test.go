package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/cli"
	"intercom-connector/internal/syncbuf"
)

func TestFakeServes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, in := io.Pipe()
	var stderr syncbuf.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Program{
			Args:     []string{"fake", "--json", "--contacts", "7", "--token", token, "--change", "1ms", "--fault", "429=0.5"},
			Getenv:   func(string) string { return "" },
			Stdin:    strings.NewReader(""),
			Stdout:   in,
			Stderr:   &stderr,
			Terminal: func(any) bool { return false },
		}.Run(ctx)
	}()
	var told struct{ URL, Token string }
	if err := json.NewDecoder(out).Decode(&told); err != nil {
		t.Fatal(err)
	}
	statuses := map[int]bool{}
	for range 30 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, told.URL+"/contacts", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := (&http.Client{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		statuses[resp.StatusCode] = true
		if resp.StatusCode == http.StatusOK && !strings.Contains(string(body), `"total_count":7`) {
			t.Errorf("got %.300s, want seven contacts", body)
		}
	}
	if !statuses[200] || !statuses[429] {
		t.Errorf("got the statuses %v, want 200 and 429", statuses)
	}
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	want(t, stderr.String(), "served 30 requests")
}

func TestFakePorts(t *testing.T) {
	t.Parallel()
	var listen net.ListenConfig
	taken, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ port, text string }{
		"taken":     {port, "port " + port + " is taken: choose another with --port"},
		"too large": {"99999", "--port is a number up to 65535"},
		"negative":  {"-1", "--port is a number up to 65535"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call{}.run(t.Context(), t, "fake", "--port="+tt.port)
			if got.status != 2 {
				t.Errorf("exit status %d, want 2", got.status)
			}
			want(t, got.stderr, tt.text)
		})
	}
}

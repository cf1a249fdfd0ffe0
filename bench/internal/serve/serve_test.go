package serve_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"intercom-connector/bench/internal/serve"
)

func TestRun(t *testing.T) {
	t.Parallel()
	commandsIn, commands := io.Pipe()
	answers, answersOut := io.Pipe()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/limited" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	ended := make(chan error, 1)
	go func() {
		ended <- serve.Run(t.Context(), handler, map[string]serve.Command{
			"double": func(args []string) (any, error) { return args[0] + args[0], nil },
			"fail":   func([]string) (any, error) { return nil, errors.New("no") },
		}, commandsIn, answersOut)
	}()

	lines := bufio.NewScanner(answers)
	say := func(command string) string {
		t.Helper()
		if command != "" {
			if _, err := fmt.Fprintln(commands, command); err != nil {
				t.Fatal(err)
			}
		}
		if !lines.Scan() {
			t.Fatal("no answer")
		}
		return lines.Text()
	}

	address := say("")
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Fatalf("address %q", address)
	}
	get := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	get("/")
	get("/limited")
	for _, tt := range []struct{ command, want string }{
		{"stats", `{"result":{"requests":2,"limited":1}}`},
		{"double ab", `{"result":"abab"}`},
		{"fail", `{"error":"no"}`},
		{"unheard-of", `{"error":"no such command: unheard-of"}`},
		{"reset", `{}`},
		{"stats", `{"result":{"requests":0,"limited":0}}`},
	} {
		if got := say(tt.command); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.command, got, tt.want)
		}
	}
	if err := commands.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

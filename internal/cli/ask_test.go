package cli_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"intercom-connector/internal/cli"
	"intercom-connector/internal/syncbuf"
)

// Ctrl-C ends every question at once, although nobody answers, and nothing is
// done.
func TestInterruptedQuestions(t *testing.T) {
	t.Parallel()
	const config = `
clients:
  main: {auth: access_token}
  shop: {auth: oauth}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: stdout}}
`
	tests := map[string]struct {
		terminal bool
		args     []string
	}{
		"init":             {true, []string{"init"}},
		"reset":            {true, []string{"run", "contacts", "--reset"}},
		"secret":           {true, []string{"app", "shop"}},
		"secret in a pipe": {false, []string{"app", "shop"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, config)
			if tt.args[0] == "init" {
				path = filepath.Join(filepath.Dir(path), "new.yaml")
			}
			stdin, typing := io.Pipe()
			defer typing.Close()
			ctx, interrupt := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer interrupt()
			var output syncbuf.Buffer
			ended := make(chan int, 1)
			go func() {
				ended <- cli.Program{
					Args:     append(tt.args, "--config", path),
					Getenv:   func(string) string { return token },
					Stdin:    stdin,
					Stdout:   &output,
					Stderr:   &output,
					Terminal: func(any) bool { return tt.terminal },
				}.Run(ctx)
			}()
			select {
			case status := <-ended:
				if status != 130 {
					t.Errorf("exit status %d, want 130: %s", status, output.String())
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the question did not end")
			}
			made, err := os.ReadDir(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			if len(made) != 1 {
				t.Errorf("got the files %v, want connector.yaml alone", made)
			}
		})
	}
}

package cli_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"intercom-connector/internal/cli"
	"intercom-connector/internal/syncbuf"
)

const token = "token-of-the-test"

// A call is one call of the program in a folder of its own.
type call struct {
	env      map[string]string
	stdin    string
	terminal bool
	stack    *cli.FakeStack // nil: there is no AWS
}

// An answer is what came of a call.
type answer struct {
	status         int
	stdout, stderr string
}

// run calls the program with a configuration.
func (c call) run(ctx context.Context, t *testing.T, args ...string) answer {
	t.Helper()
	var stdout, stderr syncbuf.Buffer
	env := map[string]string{"INTERCOM_TOKEN": token, "GOMEMLIMIT": "off", "GOGC": "100"}
	maps.Copy(env, c.env)
	program := cli.Program{
		Args:     args,
		Getenv:   func(key string) string { return env[key] },
		Stdin:    strings.NewReader(c.stdin),
		Stdout:   &stdout,
		Stderr:   &stderr,
		Terminal: func(any) bool { return c.terminal },
	}
	if c.stack != nil {
		program = program.On(c.stack)
	}
	status := program.Run(ctx)
	a := answer{status, stdout.String(), stderr.String()}
	if strings.Contains(a.stdout+a.stderr, token) {
		t.Errorf("%v printed the token", args)
	}
	return a
}

// write makes a configuration and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "connector.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// want fails the test where a text lacks something.
func want(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   []string
		status int
		stdout string
		stderr string
	}{
		"unknown flag":           {args: []string{"publish", "--evermore"}, status: 2, stderr: "`connector publish --help`"},
		"unknown flag below":     {args: []string{"dead-letters", "drop", "--al"}, status: 2, stderr: "`connector dead-letters drop --help`"},
		"unexpected argument":    {args: []string{"fake", "it"}, status: 2, stderr: "`connector fake --help`"},
		"unknown command":        {args: []string{"rum"}, status: 2, stderr: "`connector --help`"},
		"version":                {args: []string{"version"}, stdout: "connector "},
		"version as a flag":      {args: []string{"--version"}, stdout: "connector "},
		"stack without a name":   {args: []string{"dead-letters", "drop", "--all", "--stack", ""}, status: 2, stderr: "--stack has no name"},
		"another, with a sign":   {args: []string{"status", "--stack="}, status: 2, stderr: "--stack has no name"},
		"required, but no name":  {args: []string{"token", "main", "--stack", ""}, status: 2, stderr: "--stack has no name"},
		"profile, no stack":      {args: []string{"status", "--profile", "x"}, status: 2, stderr: "name one with --stack"},
		"stack before arguments": {args: []string{"run", "--stack", "", "contacts"}, status: 2, stderr: "--stack has no name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call{}.run(t.Context(), t, tt.args...)
			if got.status != tt.status {
				t.Errorf("exit status %d, want %d", got.status, tt.status)
			}
			want(t, got.stdout, tt.stdout)
			want(t, got.stderr, tt.stderr)
		})
	}
}

package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"intercom-connector/internal/config/file"
	"intercom-connector/shared/intercom"
)

// Whatever can be read, init writes a configuration for it that is valid.
func TestInitIsValidForEveryRead(t *testing.T) {
	t.Parallel()
	for _, op := range intercom.Operations() {
		if op.Kind != intercom.Read {
			continue
		}
		t.Run(op.Method+" "+op.Path, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "connector.yaml")
			got := call{}.run(t.Context(), t, "init", "--yes", "--config", path, "--entity", op.Entity())
			if got.status != 0 {
				t.Fatalf("exit status %d: %s", got.status, got.stderr)
			}
			cfg, err := file.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Subscriptions) != 1 {
				t.Errorf("got %d subscriptions, want 1", len(cfg.Subscriptions))
			}
		})
	}
}

func TestInitAsks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "connector.yaml")
	got := call{terminal: true, stdin: "au\nmacros, tags\n2026-02-01\n"}.run(t.Context(), t, "init", "--config", path)
	if got.status != 0 {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	want(t, got.stderr, "Where does your workspace live (au, eu or us)? [us]", "How far back")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want(t, string(text), "region: au", "entity: macros", "entity: tags", "start: 2026-02-01")
}

func TestInitGivesUpWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "connector.yaml")
	got := call{terminal: true, stdin: "au\n"}.run(t.Context(), t, "init", "--config", path)
	if got.status != 130 {
		t.Errorf("exit status %d, want 130", got.status)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a half answered question wrote %s", path)
	}
}

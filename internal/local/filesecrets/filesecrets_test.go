package filesecrets_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"intercom-connector/internal/grant"
	"intercom-connector/internal/local/filesecrets"
	"intercom-connector/shared/intercom"
)

func TestStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".connector", "secrets.json")
	store := filesecrets.At(path)
	if _, err := store.App(t.Context(), "main"); !errors.Is(err, grant.ErrNoApp) {
		t.Errorf("no app: got %v", err)
	}
	if _, err := store.Token(t.Context(), "main"); !errors.Is(err, grant.ErrNoToken) {
		t.Errorf("no token: got %v", err)
	}
	if _, _, err := store.Source("main").Renew(t.Context(), ""); !errors.Is(err, intercom.ErrNoToken) {
		t.Errorf("no token for requests: got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking has made a file")
	}
	app := grant.App{ID: "id", Secret: "s3cret"}
	if err := store.PutApp(t.Context(), "main", app); err != nil {
		t.Fatal(err)
	}
	token := grant.Token{Value: "t0ken", Workspace: "ab12", WorkspaceName: "Shop", Region: "eu", Timezone: "Europe/Paris", GrantedAt: time.Unix(1700000000, 0).UTC()}
	first, err := store.PutToken(t.Context(), "main", token)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.App(t.Context(), "main"); err != nil || got != app {
		t.Errorf("the app came back otherwise, %v", err)
	}
	token.Version = first
	if got, err := store.Token(t.Context(), "main"); err != nil || got != token {
		t.Errorf("the token came back otherwise, %v", err)
	}
	if second, err := store.PutToken(t.Context(), "main", token); err != nil || second == first || second == "" {
		t.Errorf("versions %q and %q, %v", first, second, err)
	}
	if has, err := store.HasToken("main"); err != nil || !has {
		t.Errorf("has a token: %v, %v", has, err)
	}
	if has, err := store.HasToken("other"); err != nil || has {
		t.Errorf("another client has a token: %v, %v", has, err)
	}
	if value, err := store.Source("main").Token(t.Context()); err != nil || value != "t0ken" {
		t.Errorf("requests have another token, %v", err)
	}
	if _, err := store.Token(t.Context(), "other"); !errors.Is(err, grant.ErrNoToken) {
		t.Errorf("another client: %v", err)
	}
	if ignore, err := os.ReadFile(filepath.Join(filepath.Dir(path), ".gitignore")); err != nil || string(ignore) != "*\n" {
		t.Errorf("git would take it: %q, %v", ignore, err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".secrets-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	path := filepath.Join(t.TempDir(), "secrets.json")
	store := filesecrets.At(path)
	if err := store.PutApp(t.Context(), "main", grant.App{ID: "id", Secret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.App(t.Context(), "main"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
	if _, err := store.PutToken(t.Context(), "main", grant.Token{}); err == nil {
		t.Error("a token was stored where others can read it")
	}
}

func TestGarbage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"half": `{"clients":{"main":{"token":{"token":"t0ken`, "a list": `["t0ken"]`, "another type": `{"clients":{"main":{"token":"t0ken"}}}`, "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "secrets.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := filesecrets.At(path).Token(t.Context(), "main")
			if err == nil || strings.Contains(err.Error(), "t0ken") {
				t.Errorf("got %v", err)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(path, []byte(`{"clients":null}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := filesecrets.At(path).PutApp(t.Context(), "main", grant.App{}); err != nil {
		t.Error(err)
	}
}

// Nobody's change is lost, and nobody reads half a file.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets.json")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			name := fmt.Sprintf("client-%d", i)
			store := filesecrets.At(path)
			if _, err := store.PutToken(t.Context(), name, grant.Token{Value: name}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := store.Token(t.Context(), "client-0"); err != nil && !errors.Is(err, grant.ErrNoToken) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range 8 {
		name := fmt.Sprintf("client-%d", i)
		if got, err := filesecrets.At(path).Token(t.Context(), name); err != nil || got.Value != name {
			t.Errorf("%s is lost: %v", name, err)
		}
	}
}

package fileout_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/local/filelock"
	"intercom-connector/internal/local/fileout"
)

func TestResponsesOfManyAreAllThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out", "p.responses.ndjson")
	r, err := fileout.OpenResponses(path, fileout.Options{MakeFolders: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fileout.OpenResponses(path, fileout.Options{}); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("opened twice: %v", err)
	}
	const many = 50
	var want []string
	var group sync.WaitGroup
	for i := range many {
		line := fmt.Sprintf(`{"publisher":"p","id":"%03d"}`, i)
		want = append(want, line)
		group.Go(func() {
			if err := r.Append(t.Context(), []byte(line)); err != nil {
				t.Error(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Size() < int64(len(line)) {
				t.Errorf("%s is said to be in the file: %v, %v", line, info, err)
			}
		})
	}
	group.Wait()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Append(t.Context(), []byte("{}")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("appended to a closed file: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestResponsesRefuseAForeignFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(path, []byte("my notes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fileout.OpenResponses(path, fileout.Options{}); !errors.Is(err, fileout.ErrForeign) {
		t.Errorf("error %v, want ErrForeign", err)
	}
}

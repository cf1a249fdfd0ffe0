package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
)

// FuzzParse: whatever a file holds, there is a configuration that survives its
// compact form, or problems that lie within the file.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(seeds, "../../../connector.yaml") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, notes, err := file.Check("connector.yaml", data)
		if err != nil {
			problems, ok := errors.AsType[file.Errors](err)
			if !ok || len(problems) == 0 || cfg != nil || notes != nil {
				t.Fatalf("got %T with %d problems", err, len(problems))
			}
			for i, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Fatalf("got %+v", p)
				}
				if i > 0 && p.Line < problems[i-1].Line {
					t.Fatalf("%v comes after %v", p, problems[i-1])
				}
			}
			_ = err.Error()
			return
		}
		compact, err := config.Encode(cfg)
		if err != nil {
			t.Fatal(err)
		}
		back, err := config.Decode(compact)
		if err != nil {
			t.Fatalf("%v in %s", err, compact)
		}
		if diff := cmp.Diff(cfg, back); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

package metrics_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/metrics"
	"intercom-connector/internal/names"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The clock of a bubble begins at midnight of the first of January 2000.
func TestPut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		metrics []metrics.Metric
	}{
		{"one", []metrics.Metric{{Name: "Records", Unit: metrics.Count, Value: 1200}}},
		{"run", []metrics.Metric{
			{Name: "Records", Unit: metrics.Count, Value: 0},
			{Name: "Requests", Unit: metrics.Count, Value: 17},
			{Name: "RateLimitLeft", Unit: metrics.Percent, Value: 93.5},
			{Name: "LagSeconds", Unit: metrics.Seconds, Value: 0.25},
		}},
		{"same name", []metrics.Metric{
			{Name: "Published", Unit: metrics.Count, Value: 1},
			{Name: "Dead", Unit: metrics.Count, Value: 3},
			{Name: "Published", Unit: metrics.Count, Value: 2},
		}},
		{"none", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				if err := metrics.New(&out, names.Namespace, "my-stack").Put(tt.metrics...); err != nil {
					t.Fatal(err)
				}
				golden(t, strings.ReplaceAll(tt.name, " ", "-")+".golden", out.Bytes())
			})
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Lines do not run into each other.
func TestPutAtOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := metrics.New(&out, names.Namespace, "my-stack")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := w.Put(metrics.Metric{Name: "Records", Unit: metrics.Count, Value: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	lines := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
	if len(lines) != 50 {
		t.Errorf("%d lines, want 50", len(lines))
	}
	for _, line := range lines {
		if !json.Valid(line) {
			t.Errorf("%q is not JSON", line)
		}
	}
}

func TestPutFails(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := metrics.New(&out, names.Namespace, "my-stack").Put(metrics.Metric{Name: "Lag", Unit: metrics.Seconds, Value: math.Inf(1)})
	if err == nil || out.Len() > 0 {
		t.Errorf("of what is no number: got %v and %q", err, out.Bytes())
	}
	err = metrics.New(full{}, names.Namespace, "my-stack").Put(metrics.Metric{Name: "Lag", Unit: metrics.Seconds})
	if !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

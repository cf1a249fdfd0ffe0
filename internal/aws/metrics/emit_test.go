package metrics_test

import (
	"bytes"
	"strings"
	"testing"

	"intercom-connector/internal/aws/metrics"
	"intercom-connector/internal/names"
)

func TestEmit(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := metrics.New(&out, names.Namespace, "my-stack")
	w.Emit(t.Context(), nil)
	if out.Len() > 0 {
		t.Errorf("nothing was written as %s", &out)
	}
	w.Emit(t.Context(), map[string]float64{names.MetricRecords: 3, names.MetricLag: 60.5, names.MetricRateLimitLeft: 99})
	const want = `"Metrics":[{"Name":"LagSeconds","Unit":"Seconds"},{"Name":"RateLimitLeft","Unit":"Percent"},{"Name":"Records","Unit":"Count"}]`
	if got := out.String(); !strings.Contains(got, want) || !strings.Contains(got, `"LagSeconds":60.5`) || !strings.Contains(got, `"Stack":"my-stack"`) {
		t.Errorf("got %s, want %s", got, want)
	}
}

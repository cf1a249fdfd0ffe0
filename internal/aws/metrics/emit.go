package metrics

import (
	"context"
	"maps"
	"slices"

	"intercom-connector/internal/names"
)

// units are those of the stack's metrics that do not count something.
var units = map[string]Unit{
	names.MetricRateLimitLeft: Percent,
	names.MetricLag:           Seconds,
}

// Emit writes values by the names of internal/names, in the order of the names.
// A line that cannot be written is lost: there is nowhere else to say so.
func (w *Writer) Emit(_ context.Context, values map[string]float64) {
	all := make([]Metric, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		unit, ok := units[name]
		if !ok {
			unit = Count
		}
		all = append(all, Metric{Name: name, Unit: unit, Value: values[name]})
	}
	_ = w.Put(all...)
}

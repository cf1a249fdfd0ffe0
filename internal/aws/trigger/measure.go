package trigger

import (
	"context"
	"time"

	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
)

// measure writes the numbers of this invocation, which are only a part of the
// run's where earlier ones had their share. Whoever found another at work has
// nothing to tell.
func (h *Handler) measure(ctx context.Context, engine *subscribe.Engine, report *subscribe.Report) {
	if report.Outcome == subscribe.Busy || report.Outcome == subscribe.Overtaken {
		return
	}
	before := &subscribe.Report{}
	if report.Earlier != nil {
		before = report.Earlier
	}
	values := map[string]float64{
		names.MetricRecords:  float64(report.Records - before.Records),
		names.MetricRequests: float64(report.Requests - before.Requests),
	}
	if limits := engine.API.Governor().Limits(); limits.Known && limits.Limit > 0 {
		values[names.MetricRateLimitLeft] = 100 * float64(limits.Remaining) / float64(limits.Limit)
	}
	if !report.WatermarkAfter.IsZero() {
		values[names.MetricLag] = time.Since(report.WatermarkAfter).Seconds()
	}
	// What is mostly zero costs nothing while it is.
	if n := report.Quarantined - before.Quarantined; n > 0 {
		values[names.MetricQuarantined] = float64(n)
	}
	if n := report.Duplicates - before.Duplicates; n > 0 {
		values[names.MetricDuplicates] = float64(n)
	}
	h.cfg.Metrics.Emit(ctx, values)
}

package watch

import (
	"context"
	"log/slog"

	"intercom-connector/internal/names"
)

// Log writes a line about each subscription and client that needs somebody, with
// the first command to run.
func (f *Findings) Log(ctx context.Context, log *slog.Logger, stack names.Stack) {
	command := func(verb, name string) slog.Attr {
		text := "connector " + verb
		if name != "" {
			text += " " + name
		}
		return slog.String("first", text+" --stack "+string(stack))
	}
	for _, s := range f.Failed {
		log.LogAttrs(ctx, slog.LevelError, "subscription failed", append(s.attrs(),
			slog.String("err", s.Error), slog.Time("since", s.Since), command("logs", s.Subscription))...)
	}
	for _, s := range f.Overdue {
		log.LogAttrs(ctx, slog.LevelError, "subscription overdue", append(s.attrs(),
			slog.Time("since", s.Since), command("logs", s.Subscription))...)
	}
	for _, s := range f.Incomplete {
		log.LogAttrs(ctx, slog.LevelError, "subscription incomplete", append(s.attrs(),
			slog.Time("since", s.Since), command("run", s.Subscription))...)
	}
	for _, c := range f.Paused {
		log.LogAttrs(ctx, slog.LevelError, "client paused",
			slog.String("client", c.Client), slog.String("reason", c.Reason), command("status", ""))
	}
}

func (f *Finding) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("subscription", f.Subscription), slog.String("client", f.Client)}
	if f.Run != "" {
		attrs = append(attrs, slog.String("run", f.Run))
	}
	return attrs
}

// Metrics returns what there is to count, by the names of internal/names: what
// is zero is left out, because a metric has its price.
func (f *Findings) Metrics() map[string]float64 {
	all := map[string]float64{}
	for name, n := range map[string]int{
		names.MetricFailed:     len(f.Failed),
		names.MetricOverdue:    len(f.Overdue),
		names.MetricIncomplete: len(f.Incomplete),
		names.MetricPaused:     len(f.Paused),
	} {
		if n > 0 {
			all[name] = float64(n)
		}
	}
	return all
}

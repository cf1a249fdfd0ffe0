package sqsin

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
	"intercom-connector/internal/pause"
	"intercom-connector/internal/publish"
)

// A tally counts the results of a batch.
type tally struct {
	done, duplicates, retried, dead, unknown, paused, requests int

	retry  string // why the first one has to be tried again
	reason string // why nothing can be sent
}

// settle tells SQS, the log and the metrics what became of a batch, and returns
// the items that come again.
func (b *batch) settle(ctx context.Context) []events.SQSBatchItemFailure {
	var (
		failures []events.SQSBatchItemFailure
		hidden   []queues.Hiding
		t        tally
	)
	for i, m := range b.messages {
		r := &b.results[i]
		t.count(r)
		switch r.Outcome {
		case publish.Done, publish.Dead, publish.Unknown:
			continue
		case publish.Retry, publish.Paused:
		}
		failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		hidden = append(hidden, queues.Hiding{Receipt: m.ReceiptHandle, Seconds: seconds(r.After)})
	}
	b.hide(ctx, hidden)
	if t.paused > 0 {
		b.stop(ctx, &t)
	}
	b.tell(ctx, &t)
	return failures
}

// count takes in a result. There are no outcomes but these: one that is none of
// them comes again.
func (t *tally) count(r *publish.Result) {
	t.requests += r.Requests
	switch r.Outcome {
	case publish.Done:
		t.done++
		if r.Duplicate {
			t.duplicates++
		}
	case publish.Dead:
		t.dead++
	case publish.Unknown:
		t.unknown++
	case publish.Paused:
		t.paused++
		if t.reason == "" {
			t.reason = r.Reason
		}
	case publish.Retry:
		t.retried++
		if t.retry == "" {
			t.retry = r.Reason
		}
	}
}

// seconds is a time for which SQS may hide a message: whole seconds, a quarter
// of an hour at most.
func seconds(d time.Duration) int {
	d = min(max(d, 0), returned)
	return int((d + time.Second - 1) / time.Second)
}

// hide puts messages off. Where that fails they come back when the queue's own
// time is over.
func (b *batch) hide(ctx context.Context, hidings []queues.Hiding) {
	queue := queues.Address{URL: b.QueueURL + b.queue}
	var group sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for part := range slices.Chunk(hidings, queues.AtOnce) {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			each, err := b.SQS.Hide(ctx, queue, part)
			failed := slices.DeleteFunc(each, func(err error) bool { return err == nil })
			switch {
			case err != nil:
				b.Log.WarnContext(ctx, "put messages off", "queue", b.queue, "messages", len(part), "err", err)
			case len(failed) > 0:
				b.Log.WarnContext(ctx, "put messages off", "queue", b.queue, "messages", len(failed), "err", failed[0])
			}
		})
	}
	group.Wait()
}

// stop sees to it that nothing comes while the client is paused. A mapping that
// is being changed is waited for, but what is done must be acknowledged in time.
func (b *batch) stop(ctx context.Context, t *tally) {
	ctx, cancel := bounded(ctx, toAnswer)
	defer cancel()
	halted, err := pause.Halt(ctx, b.Store, b.Client.Name, b.Mappings)
	if halted {
		b.Log.ErrorContext(ctx, "client paused", "client", b.Client.Name, "reason", t.reason, "next", b.remedy())
	}
	if err != nil {
		b.Log.ErrorContext(ctx, "stop or start the queues", "client", b.Client.Name, "err", err)
	}
}

// toAnswer is the time that is kept for the answer.
const toAnswer = 3 * time.Second

// remedy is what a person does about a pause.
func (b *batch) remedy() string {
	command := func(words ...string) string {
		return "connector " + strings.Join(append(words, "--stack", string(b.Stack)), " ")
	}
	verb := "token"
	if b.Client.Auth.Type == config.OAuth {
		verb = "grant"
	}
	return "a token that is no good: " + command(verb, b.Client.Name) + "; anything else, once it is mended: " + command("resume", b.pub.Name)
}

// tell writes one line about the batch, and its metrics. Dead letters have had
// a line each.
func (b *batch) tell(ctx context.Context, t *tally) {
	if b.pub == nil {
		return // refused, and said so
	}
	attrs := []slog.Attr{
		slog.String("publisher", b.pub.Name), slog.Int("messages", len(b.messages)),
		slog.Int("done", t.done), slog.Int("duplicates", t.duplicates), slog.Int("retried", t.retried),
		slog.Int("dead", t.dead), slog.Int("unknown", t.unknown), slog.Int("paused", t.paused),
		slog.Int("requests", t.requests), slog.Duration("took", time.Since(b.began)),
	}
	if t.retry != "" {
		attrs = append(attrs, slog.String("first_retry", t.retry))
	}
	b.Log.LogAttrs(ctx, slog.LevelInfo, "batch", attrs...)
	values := map[string]float64{names.MetricPublished: float64(t.done)}
	for name, n := range map[string]int{
		names.MetricRetried: t.retried, names.MetricDead: t.dead, names.MetricUnknown: t.unknown,
		names.MetricPaused: min(t.paused, 1), // clients, not messages
	} {
		if n > 0 {
			values[name] = float64(n)
		}
	}
	b.Metrics.Emit(ctx, values)
}

package sqsout_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"intercom-connector/internal/aws/queues"
	"intercom-connector/internal/aws/sqsout"
	"intercom-connector/internal/event"
)

// An eager API takes everything at once.
type eager struct{}

func (eager) SendBatch(_ context.Context, _ queues.Address, messages []queues.Message) ([]error, error) {
	return make([]error, len(messages)), nil
}

// BenchmarkRun sends 100,000 events of 2 KB in pages of 150: what is spent here,
// without the client of SQS.
func BenchmarkRun(b *testing.B) {
	for _, queue := range []string{"q", "q.fifo"} {
		b.Run(queue, func(b *testing.B) {
			const events, page = 100_000, 150
			data := `{"id":"63a07ddf05a32042dffac965","s":"` + strings.Repeat("x", 2000) + `"}`
			batch := make([]event.Event, page)
			for i := range batch {
				batch[i] = contact("0123456789abcdef0123456789abcdef", "63a07ddf05a32042dffac"+strconv.Itoa(i), data)
			}
			b.SetBytes(events * int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				box := sqsout.NewEvents(sqsout.Config{API: eager{}, Queue: sqsout.Own("u/", queue)})
				for sent := 0; sent < events; sent += page {
					if err := box.Deliver(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				if err := box.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

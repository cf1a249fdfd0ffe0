package stackaccess

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"intercom-connector/internal/names"
)

// A LogLine is one line of a function's log.
type LogLine struct {
	ID       string // unlike every other line's: CloudWatch's, where it has given one
	Function string
	Time     time.Time
	Text     string
}

// Log yields what a function has logged since a time, in the order in which
// CloudWatch has it, which is nearly that of time. A function that has never
// logged anything yields nothing. An error comes once, last.
func (s *Stack) Log(ctx context.Context, function string, since time.Time) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(s.logs, &cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: aws.String(names.LogGroup(function)),
			StartTime:    aws.Int64(since.UnixMilli()),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if _, none := errors.AsType[*types.ResourceNotFoundException](err); none {
				return
			}
			if err != nil {
				yield(LogLine{}, fmt.Errorf("read the log of %s: %w", function, err))
				return
			}
			for i := range page.Events {
				e := &page.Events[i]
				line := LogLine{
					ID: aws.ToString(e.EventId), Function: function,
					Time: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), Text: aws.ToString(e.Message),
				}
				if line.ID == "" { // an emulator's: the API does not promise one
					line.ID = fmt.Sprintf("%s/%s/%d/%s", function, aws.ToString(e.LogStreamName), line.Time.UnixMilli(), line.Text)
				}
				if !yield(line, nil) {
					return
				}
			}
		}
	}
}

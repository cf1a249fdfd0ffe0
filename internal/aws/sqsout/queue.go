package sqsout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"intercom-connector/internal/aws/queues"
)

// A Queue is where to send.
type Queue struct {
	URL    string
	Region string // "" for the client's own
	FIFO   bool
}

// Own is a queue of the stack: base is what the URLs of the stack's queues begin
// with (names.EnvQueueURL).
func Own(base, name string) Queue {
	return Queue{URL: base + name, FIFO: isFIFO(name)}
}

// ByARN is a queue that may be in another account, or in another region.
func ByARN(address string) (Queue, error) {
	a, err := arn.Parse(address)
	if err == nil && (a.Service != "sqs" || a.Region == "" || a.AccountID == "" || a.Resource == "") {
		err = errors.New("not that of a queue")
	}
	if err != nil {
		return Queue{}, fmt.Errorf("ARN %q: %w", address, err)
	}
	domain := "amazonaws.com"
	if a.Partition == "aws-cn" {
		domain = "amazonaws.com.cn"
	}
	return Queue{
		URL:    "https://sqs." + a.Region + "." + domain + "/" + a.AccountID + "/" + a.Resource,
		Region: a.Region,
		FIFO:   isFIFO(a.Resource),
	}, nil
}

// isFIFO says it by the name, as SQS itself does.
func isFIFO(name string) bool { return strings.HasSuffix(name, ".fifo") }

func (q Queue) address() queues.Address { return queues.Address{URL: q.URL, Region: q.Region} }

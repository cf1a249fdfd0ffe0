package wire_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/wire"
)

// An answer is one of a service.
type answer struct {
	status int
	body   string
	header []string // names and values
	how    func(ctx context.Context) error
	torn   bool // its body ends too early
}

// says answers. The header has names and values.
func says(status int, body string, header ...string) answer {
	return answer{status: status, body: body, header: header}
}

// The ways of giving no whole answer.
var (
	breaks = answer{how: func(context.Context) error { return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET} }}
	hangs  = answer{how: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	tears  = answer{status: http.StatusOK, body: `{"Par`, torn: true}
)

// A cloud gives one answer after the other, the last one for ever.
type cloud struct {
	answers  []answer
	attempts []string // as each request says
	bodies   []string
}

// RoundTrip implements http.RoundTripper.
func (c *cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	c.attempts = append(c.attempts, req.Header.Get("Amz-Sdk-Request"))
	c.bodies = append(c.bodies, strings.TrimSpace(string(sent)))
	a := c.answers[min(len(c.attempts), len(c.answers))-1]
	if a.how != nil {
		return nil, a.how(req.Context())
	}
	header, body := http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, io.Reader(strings.NewReader(a.body))
	for pair := range slices.Chunk(a.header, 2) {
		header.Set(pair[0], pair[1])
	}
	if a.torn {
		body = io.MultiReader(body, iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	return &http.Response{StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Header: header, Body: io.NopCloser(body)}, nil
}

// client is one of a cloud. It waits a second before the second attempt, two
// before the third.
func (c *cloud) client() *wire.Client {
	return wire.New(aws.Config{
		Region: "eu-west-1", HTTPClient: &http.Client{Transport: c},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil }),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 4
				o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return time.Duration(attempt) * time.Second, nil })
			})
		},
	}, parameters)
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	const good = `{"Parameter":{"Value":"v"}}`
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(good))), 10)
	fine := says(http.StatusOK, good, "X-Amz-Crc32", sum)
	throttled := says(http.StatusBadRequest, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
	for _, tt := range []struct {
		name     string
		answers  []answer
		requests int
		waited   time.Duration
		err      string // "": none
	}{
		{"works", []answer{fine}, 1, 0, ""},
		{"throttled", []answer{throttled, throttled, fine}, 3, 3 * time.Second, ""},
		{"throttled for ever", []answer{throttled}, 4, 6 * time.Second, "exceeded maximum number of attempts, 4, 400 ThrottlingException: Rate exceeded"},
		{"overloaded", []answer{says(http.StatusServiceUnavailable, "<html>"), fine}, 2, time.Second, ""},
		{"connection breaks", []answer{breaks, fine}, 2, time.Second, ""},
		{"connection breaks for ever", []answer{breaks}, 4, 6 * time.Second, "connection reset"},
		{"answer is torn", []answer{tears, fine}, 2, time.Second, ""},
		{"answer is another", []answer{says(http.StatusOK, good, "X-Amz-Crc32", "1"), fine}, 2, time.Second, ""},
		{"refused", []answer{says(http.StatusBadRequest, `{"__type":"ValidationException"}`), fine}, 1, 0, "400 ValidationException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, start := &cloud{answers: tt.answers}, time.Now()
				var out struct{ Parameter struct{ Value string } }
				err := c.client().Call(t.Context(), "GetParameter", map[string]string{"Name": "n"}, &out)
				if tt.err == "" && (err != nil || out.Parameter.Value != "v") ||
					tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), "operation error SSM: GetParameter, ") || !strings.Contains(err.Error(), tt.err)) {
					t.Errorf("got %q, %v, want an error of %q", out.Parameter.Value, err, tt.err)
				}
				var want []string
				for i := range tt.requests {
					want = append(want, "attempt="+strconv.Itoa(i+1)+"; max=4")
				}
				if diff := cmp.Diff(want, c.attempts); diff != "" {
					t.Errorf("attempts (-want +got)\n%s", diff)
				}
				for _, body := range c.bodies {
					if body != `{"Name":"n"}` {
						t.Errorf("sent %q", body)
					}
				}
				if got := time.Since(start); got != tt.waited {
					t.Errorf("waited %v, want %v", got, tt.waited)
				}
			})
		})
	}
}

// A call ends with its context, and says so, whatever else was wrong.
func TestStopped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		answer   answer
		requests int
	}{
		{"while an answer is awaited", hangs, 1},
		{"while the next attempt is", says(http.StatusInternalServerError, ""), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, start := &cloud{answers: []answer{tt.answer}}, time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
				defer cancel()
				err := c.client().Call(ctx, "GetParameter", nil, nil)
				_, canceled := errors.AsType[*aws.RequestCanceledError](err)
				if !canceled || !errors.Is(err, context.DeadlineExceeded) || len(c.attempts) != tt.requests {
					t.Errorf("got %v after %d requests", err, len(c.attempts))
				}
				if got, want := time.Since(start), 1500*time.Millisecond; got != want {
					t.Errorf("took %v, want %v", got, want)
				}
			})
		})
	}
}

// What may be spent on repeating is spent together, by all calls of a client.
func TestSpent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{answers: []answer{says(http.StatusInternalServerError, "")}}
		client := c.client()
		for range 100 {
			if err := client.Call(t.Context(), "GetParameter", nil, nil); err == nil {
				t.Fatal("no error")
			}
		}
		if n := len(c.attempts); n >= 250 {
			t.Errorf("%d requests of 100 calls", n)
		}
		err := client.Call(t.Context(), "GetParameter", nil, nil)
		if !strings.Contains(err.Error(), "500 UnknownError, and ") || !strings.Contains(err.Error(), "quota exceeded") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTemporary(t *testing.T) {
	t.Parallel()
	api := func(code string, fault smithy.ErrorFault) error {
		return fmt.Errorf("send: %w", &smithy.GenericAPIError{Code: code, Fault: fault})
	}
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"throttled", api("ThrottlingException", smithy.FaultClient), true},
		{"throttled by another name", api("RequestThrottled", smithy.FaultClient), true},
		{"fault of the server", api("AnyFault", smithy.FaultServer), true},
		{"internal, of whoever", api("InternalException", smithy.FaultClient), true},
		{"unavailable", api("ServiceUnavailable", smithy.FaultUnknown), true},
		{"status", &wire.Error{Status: http.StatusBadGateway, Code: "UnknownError"}, true},
		{"refused", api("AccessDeniedException", smithy.FaultClient), false},
		{"too long", &wire.Error{Status: http.StatusBadRequest, Code: "InvalidMessageContents"}, false},
		{"no answer of AWS's", errors.New("no"), false},
	} {
		if got := wire.Temporary(tt.err); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// Callers and the SDK's own parts tell errors apart as before.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer answer
		want   wire.Error
		fault  smithy.ErrorFault
		text   string
	}{
		{
			"type with a namespace",
			says(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{}}`, "X-Amzn-Requestid", "r-1"),
			wire.Error{Status: 400, Code: "ConditionalCheckFailedException", Message: "no", RequestID: "r-1"},
			smithy.FaultClient, "400 ConditionalCheckFailedException: no (request r-1)",
		},
		{
			"header with a URL",
			says(http.StatusNotFound, `{"Type":"User","Message":"gone"}`, "X-Amzn-Errortype", "ResourceNotFoundException:http://internal.amazon.com/coral/"),
			wire.Error{Status: 404, Code: "ResourceNotFoundException", Message: "gone"},
			smithy.FaultClient, "404 ResourceNotFoundException: gone",
		},
		{"code", says(http.StatusForbidden, `{"code":"AccessDeniedException"}`), wire.Error{Status: 403, Code: "AccessDeniedException"}, smithy.FaultClient, "403 AccessDeniedException"},
		{"code that is a number", says(http.StatusConflict, `{"code":7,"__type":"A#B"}`), wire.Error{Status: 409, Code: "B"}, smithy.FaultClient, "409 B"},
		{"type that is none", says(http.StatusConflict, `{"__type":[],"message":"no"}`), wire.Error{Status: 409, Code: "UnknownError", Message: "no"}, smithy.FaultClient, "409 UnknownError: no"},
		{"page", says(http.StatusNotImplemented, "<html>"), wire.Error{Status: 501, Code: "UnknownError"}, smithy.FaultServer, "501 UnknownError"},
		{"nothing", says(http.StatusNotImplemented, ""), wire.Error{Status: 501, Code: "UnknownError"}, smithy.FaultServer, "501 UnknownError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{answers: []answer{tt.answer}}
			err := c.client().Call(t.Context(), "GetParameter", nil, nil)
			got, ok := errors.AsType[*wire.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			api, _ := errors.AsType[smithy.APIError](err)
			if api.ErrorCode() != tt.want.Code || api.ErrorMessage() != tt.want.Message || api.ErrorFault() != tt.fault || !wire.IsCode(err, tt.want.Code) || wire.IsCode(err, "") {
				t.Errorf("as an APIError: %q, %q, %v", api.ErrorCode(), api.ErrorMessage(), api.ErrorFault())
			}
			if operation, ok := errors.AsType[*smithy.OperationError](err); !ok || operation.ServiceID != "SSM" || operation.OperationName != "GetParameter" {
				t.Errorf("as an OperationError: %+v", operation)
			}
			if got.Error() != tt.text {
				t.Errorf("text %q, want %q", got.Error(), tt.text)
			}
			tt.want.Body = got.Body
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{answers: []answer{breaks}}
		err := c.client().Call(t.Context(), "GetParameter", nil, nil)
		if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); !ok || wire.IsCode(err, "UnknownError") {
			t.Errorf("got %v", err)
		}
		if wire.IsCode(nil, "") {
			t.Error("no error has a code")
		}
	})
}

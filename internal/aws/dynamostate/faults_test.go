package dynamostate_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// A fault is what becomes of a request.
type fault int

const (
	none      fault = iota
	throttled       // refused, as where a partition has too much to do
	failed          // an internal error: not carried out
	cut             // the connection breaks before the request is there
	lost            // carried out, but the answer never comes
)

// faults stand between a store and the emulator.
type faults struct {
	next aws.HTTPClient
	sent atomic.Int64
	// on decides by the operation, such as PutItem, and the request's body.
	on func(operation, body string) fault
	// mercy lets the last attempt through, whatever on says.
	mercy bool
}

// attempts is how often a request is sent that fails.
const attempts = 6

// faulty is a configuration whose requests go through faults, and are repeated
// without delay.
func faulty(cfg aws.Config) (aws.Config, *faults) {
	f := &faults{next: cfg.HTTPClient, on: func(string, string) fault { return none }}
	cfg.HTTPClient = &http.Client{Transport: f}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.RateLimiter = ratelimit.None
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		})
	}
	return cfg, f
}

// RoundTrip implements http.RoundTripper.
func (f *faults) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	f.sent.Add(1)
	broken := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	what := f.on(operation, string(body))
	if f.mercy && strings.HasPrefix(req.Header.Get("Amz-Sdk-Request"), "attempt="+strconv.Itoa(attempts)) {
		what = none
	}
	switch what {
	case throttled:
		return answer(req, http.StatusBadRequest, "ProvisionedThroughputExceededException"), nil
	case failed:
		return answer(req, http.StatusInternalServerError, "InternalServerError"), nil
	case cut:
		return nil, broken
	case lost:
		resp, err := f.next.Do(req)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return nil, broken
	default:
		return f.next.Do(req)
	}
}

func answer(req *http.Request, status int, code string) *http.Response {
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"on order"}`
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// send sends a request until it is answered, as often and as fast as the retryer
// says, and returns the answer's body.
func (c *Client) send(ctx context.Context, r *Request) ([]byte, error) {
	most := c.retryer.MaxAttempts()
	release := func(error) error { return nil }
	for attempt := 1; ; attempt++ {
		body, err := c.try(ctx, r, fmt.Sprintf("attempt=%d; max=%d", attempt, most))
		// What the retryer may spend grows by what works.
		_ = release(err)
		_ = c.retryer.GetInitialToken()(err)
		switch {
		case err == nil:
			return body, nil
		case !c.retryer.IsErrorRetryable(err):
			return nil, err
		case most > 0 && attempt >= most:
			return nil, &retry.MaxAttemptsError{Attempt: attempt, Err: err}
		}
		var spent error
		if release, spent = c.retryer.GetRetryToken(ctx, err); spent != nil {
			return nil, fmt.Errorf("%w, and %w", err, spent)
		}
		delay, failed := c.retryer.RetryDelay(attempt, err)
		if failed != nil {
			return nil, failed
		}
		if canceled := wait(ctx, delay); canceled != nil {
			return nil, &aws.RequestCanceledError{Err: fmt.Errorf("%w, after %w", canceled, err)}
		}
	}
}

// wait waits, or returns the error of a context that ends before.
func wait(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try sends a request once.
func (c *Client) try(ctx context.Context, r *Request, attempt string) ([]byte, error) {
	req, err := c.sign(ctx, r, attempt)
	if err != nil {
		return nil, err
	}
	resp, err := c.cfg.HTTPClient.Do(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		err = checksum(resp.Header, body)
	}
	if err != nil {
		return nil, broken(ctx, fmt.Errorf("read the answer: %w", err))
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, newError(resp, body)
	}
	return body, nil
}

// sign makes the request that is sent.
func (c *Client) sign(ctx context.Context, r *Request, attempt string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, c.endpoint()+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("Accept-Encoding", "identity") // checksums are of what is sent
	req.Header.Set("Amz-Sdk-Request", attempt)
	req.Header.Set("User-Agent", "intercom-connector")
	if trace, _ := ctx.Value(traceKey).(string); trace != "" {
		req.Header.Set("X-Amzn-Trace-Id", trace)
	}
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("failed to retrieve credentials: %w", err) // in the SDK's words, which are looked for
	}
	sum := sha256.Sum256(r.Body)
	if err := c.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), c.service.Name, c.cfg.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	return req, nil
}

// traceKey is where aws-lambda-go keeps the X-Ray header of an invocation: by it
// AWS finds functions that call themselves in circles.
const traceKey = "x-amzn-trace-id"

// broken is a request that has no answer, in the SDK's kinds of errors: one that
// was stopped is not repeated, any other is.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &aws.RequestCanceledError{Err: err}
	}
	return &smithyhttp.RequestSendError{Err: err}
}

// checksum compares an answer with what DynamoDB says of it; other services say
// nothing.
func checksum(h http.Header, body []byte) error {
	want := h.Get("X-Amz-Crc32")
	if want == "" || want == strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10) {
		return nil
	}
	return errors.New("its checksum is another one")
}

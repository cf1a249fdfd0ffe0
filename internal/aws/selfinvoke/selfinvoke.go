// Package selfinvoke lets a function invoke itself, asynchronously: to go on in
// another invocation where the time of this one is over.
//
// Lambda drops what looks like a function that calls itself in circles, so the
// function has to be allowed to (RecursiveLoop: Allow). What ends the circle
// here is the run: see internal/subscribe.
//
// It is one request, signed by hand
// (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html): linking the
// SDK's client of Lambda would make the function's start a third longer.
package selfinvoke

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	maxAttempts  = 5
	firstBackoff = 200 * time.Millisecond // doubled each time, half of it random
	maxAnswer    = 4 << 10                // bytes of an error that are read
)

// An Invoker invokes one function.
type Invoker struct {
	cfg    aws.Config
	url    string
	name   string
	signer *v4.Signer
}

// New returns the Invoker of a function of this account and region, by its name.
func New(cfg aws.Config, function string) *Invoker {
	base := "https://lambda." + cfg.Region + ".amazonaws.com"
	if strings.HasPrefix(cfg.Region, "cn-") {
		base += ".cn"
	}
	if cfg.BaseEndpoint != nil {
		base = strings.TrimRight(*cfg.BaseEndpoint, "/")
	}
	return &Invoker{
		cfg: cfg, name: function, signer: v4.NewSigner(),
		url: base + "/2015-03-31/functions/" + url.PathEscape(function) + "/invocations",
	}
}

// Invoke hands an event to Lambda, which has it when this returns nil. A
// connection that breaks is tried again, so it may come twice: whoever gets it
// must not mind.
func (i *Invoker) Invoke(ctx context.Context, payload []byte) error {
	for attempt := 1; ; attempt++ {
		err := i.try(ctx, payload)
		if err == nil {
			return nil
		}
		refused, isRefused := errors.AsType[*refusedError](err)
		hopeless := isRefused && refused.status < http.StatusInternalServerError && refused.status != http.StatusTooManyRequests
		if hopeless || attempt == maxAttempts || !wait(ctx, attempt) {
			return fmt.Errorf("invoke %s: %w", i.name, err)
		}
	}
}

// try sends the request once.
func (i *Invoker) try(ctx context.Context, payload []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	credentials, err := i.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	if err := i.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "lambda", i.cfg.Region, time.Now()); err != nil {
		return err
	}
	resp, err := i.cfg.HTTPClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode == http.StatusAccepted {
		return nil // the answer has nothing to say
	}
	if err != nil {
		return err
	}
	return newRefusedError(resp, body)
}

// A refusedError is an answer that is none of the expected.
type refusedError struct {
	status        int
	code, message string // as AWS has it, "" for none
}

func newRefusedError(resp *http.Response, body []byte) *refusedError {
	code, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	var said struct {
		Message string `json:"Message"` // or message
	}
	_ = json.Unmarshal(body, &said) // what is no JSON says nothing more
	return &refusedError{status: resp.StatusCode, code: code, message: said.Message}
}

func (e *refusedError) Error() string {
	text := strconv.Itoa(e.status) + " " + http.StatusText(e.status)
	if e.code != "" {
		text += ": " + e.code
	}
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// wait waits before the next attempt, and reports whether there is time for one.
func wait(ctx context.Context, attempt int) bool {
	half := firstBackoff << (attempt - 1) / 2
	timer := time.NewTimer(half + rand.N(half)) //nolint:gosec // Jitter is no secret.
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

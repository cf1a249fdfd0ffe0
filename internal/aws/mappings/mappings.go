// Package mappings stops and starts the queues of a client's publishers: the
// event source mappings through which Lambda hands messages over.
//
// A stack cannot tell its functions the ids of mappings by their environment,
// because a mapping depends on its function. It writes them into an SSM parameter
// (names.Stack.Mappings): name=uuid, separated by commas.
package mappings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/wire"
	"intercom-connector/internal/names"
)

const (
	// atOnce is how many mappings are changed at once. Lambda takes fifteen
	// changes a second, of everybody in the account.
	atOnce = 4
	// firstPause and longestPause are those between two attempts to change a
	// mapping that is being changed, which takes from seconds to a minute.
	firstPause   = 500 * time.Millisecond
	longestPause = 8 * time.Second
)

// Mappings are those of a stack.
type Mappings struct {
	parameters, functions *wire.Client

	stack names.Stack
}

// New returns the mappings of a stack.
func New(cfg aws.Config, stack names.Stack) *Mappings {
	return &Mappings{
		parameters: wire.New(cfg, wire.Service{ID: "SSM", Name: "ssm", Target: "AmazonSSM", Version: "1.1"}),
		functions:  wire.New(cfg, wire.Service{ID: "Lambda", Name: "lambda"}),
		stack:      stack,
	}
}

// A mapping is one queue's.
type mapping struct{ publisher, id string }

// Disable stops the queues of a client: what is in them stays there. A mapping
// that is being changed is waited for, as long as ctx allows. Disabling what is
// disabled is no error, and neither is a mapping that is gone, or a client
// without any.
func (m *Mappings) Disable(ctx context.Context, client string) error {
	if err := m.set(ctx, client, false); err != nil {
		return fmt.Errorf("disable the queues of client %s: %w", client, err)
	}
	return nil
}

// Enable starts the queues of a client again, like [Mappings.Disable].
func (m *Mappings) Enable(ctx context.Context, client string) error {
	if err := m.set(ctx, client, true); err != nil {
		return fmt.Errorf("enable the queues of client %s: %w", client, err)
	}
	return nil
}

// set changes all mappings of a client, each whatever becomes of the others.
func (m *Mappings) set(ctx context.Context, client string, enabled bool) error {
	all, err := m.load(ctx, client)
	if err != nil {
		return err
	}
	errs := make([]error, len(all))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, one := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := m.change(ctx, one.id, enabled); err != nil {
				errs[i] = fmt.Errorf("publisher %s: %w", one.publisher, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// load reads which mappings a client has
// (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html).
func (m *Mappings) load(ctx context.Context, client string) ([]mapping, error) {
	name := m.stack.Mappings(client)
	var out struct{ Parameter struct{ Value string } }
	err := m.parameters.Call(ctx, "GetParameter", map[string]string{"Name": name}, &out)
	if wire.IsCode(err, "ParameterNotFound") {
		return nil, nil // a client without publishers
	}
	if err != nil {
		return nil, err
	}
	var all []mapping
	for entry := range strings.SplitSeq(out.Parameter.Value, ",") {
		publisher, id, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if !ok || id == "" {
			return nil, fmt.Errorf("the parameter %s has %q, which is not name=uuid", name, entry)
		}
		all = append(all, mapping{publisher: publisher, id: id})
	}
	return all, nil
}

// change enables or disables a mapping
// (https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html).
func (m *Mappings) change(ctx context.Context, id string, enabled bool) error {
	request := wire.Request{
		Operation: "UpdateEventSourceMapping",
		Method:    http.MethodPut,
		Path:      "/2015-03-31/event-source-mappings/" + url.PathEscape(id),
		Header:    http.Header{"Content-Type": {"application/json"}},
		Body:      fmt.Appendf(nil, `{"Enabled":%t}`, enabled),
	}
	pause := firstPause
	for {
		err := m.functions.Do(ctx, request, nil)
		if wire.IsCode(err, "ResourceNotFoundException") {
			return nil // with its publisher, by a deployment
		}
		if !wire.IsCode(err, "ResourceInUseException") {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w, while it was being changed", ctx.Err())
		}
		pause = min(2*pause, longestPause)
	}
}

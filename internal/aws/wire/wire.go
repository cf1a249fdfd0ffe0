// Package wire calls single operations of AWS services, without the SDK's client
// of the service.
//
// A client of the SDK knows all operations of its service, hundreds sometimes,
// and builds what it knows at every start of a process, whether it is used or
// not: that of DynamoDB makes the start of a hello-world two fifths longer, that
// of Systems Manager three quarters. A function needs a handful of operations, and
// each is one signed request with some JSON. So the caller brings the names and
// the JSON, and the rest is the SDK's own: the configuration, the signature,
// which errors are repeated and when, and what errors can be told apart by.
//
// # What it does not do
//
// There is no paging, no checking of parameters, and of a service's special
// addresses (FIPS, dual stack, one for each account) there is none: another
// address than the region's own comes by BaseEndpoint. What is in the requests
// belongs to the packages that send them.
package wire

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

// A Service is one of AWS's, of those whose answers are JSON.
type Service struct {
	ID   string // as the SDK has it in errors: Secrets Manager
	Name string // in its address and in signatures: secretsmanager
	// Target is what its operations' names begin with, AmazonSSM, and Version the
	// one of AWS's JSON protocol, 1.0 or 1.1. Both are only for [Client.Call].
	Target, Version string
}

// A Client calls operations of a service. It may be used by many goroutines.
type Client struct {
	service Service
	cfg     aws.Config
	retryer aws.Retryer
	signer  *v4.Signer
}

// New returns a client. Of cfg it uses Region, BaseEndpoint, Credentials,
// HTTPClient and Retryer, which may be nil.
func New(cfg aws.Config, service Service) *Client {
	c := &Client{service: service, cfg: cfg, signer: v4.NewSigner()}
	if cfg.Retryer != nil {
		c.retryer = cfg.Retryer()
	} else {
		c.retryer = retry.NewStandard()
	}
	return c
}

// In returns the client for another region; "" is the same one.
func (c *Client) In(region string) *Client {
	other := *c
	other.cfg.Region = cmp.Or(region, c.cfg.Region)
	return &other
}

// Call sends in, as JSON, to an operation of AWS's JSON protocol, and decodes the
// answer into out, which may be nil. An answer that is an error comes as an
// [*Error].
func (c *Client) Call(ctx context.Context, operation string, in, out any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // requests have bounds
	if err := encoder.Encode(in); err != nil {
		return c.failed(operation, &smithy.SerializationError{Err: err})
	}
	return c.Do(ctx, Request{
		Operation: operation, Method: http.MethodPost, Path: "/", Body: body.Bytes(),
		Header: http.Header{
			"Content-Type": {"application/x-amz-json-" + c.service.Version},
			"X-Amz-Target": {c.service.Target + "." + operation},
		},
	}, out)
}

// A Request is one of a service that tells operations apart by method and path.
type Request struct {
	Operation string // as errors name it
	Method    string
	Path      string // escaped, from the slash on
	Header    http.Header
	Body      []byte
}

// Do sends a request and decodes the answer's JSON into out, which may be nil. An
// answer that is an error comes as an [*Error].
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	body, err := c.send(ctx, &r)
	if err == nil && out != nil {
		if err = json.Unmarshal(body, out); err != nil {
			err = &smithy.DeserializationError{Err: err}
		}
	}
	if err != nil {
		return c.failed(r.Operation, err)
	}
	return nil
}

// failed is how the SDK's own clients say it.
func (c *Client) failed(operation string, err error) error {
	return &smithy.OperationError{ServiceID: c.service.ID, OperationName: operation, Err: err}
}

// endpoint is where the service is, without a slash at the end.
func (c *Client) endpoint() string {
	if c.cfg.BaseEndpoint != nil {
		return strings.TrimRight(*c.cfg.BaseEndpoint, "/")
	}
	return fmt.Sprintf("https://%s.%s.%s", c.service.Name, c.cfg.Region, domain(c.cfg.Region))
}

// domain is what the addresses of all services in a region end with
// (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html);
// a test compares it with what the SDK knows.
func domain(region string) string {
	area, rest, _ := strings.Cut(region, "-")
	isolated, _, _ := strings.Cut(rest, "-")
	switch {
	case area == "cn":
		return "amazonaws.com.cn"
	case area == "eusc":
		return "amazonaws.eu"
	case isolated == "iso":
		return "c2s.ic.gov"
	case isolated == "isob":
		return "sc2s.sgov.gov"
	case isolated == "isoe":
		return "cloud.adc-e.uk"
	case isolated == "isof":
		return "csp.hci.ic.gov"
	default:
		return "amazonaws.com"
	}
}

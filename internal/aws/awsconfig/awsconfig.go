// Package awsconfig makes the [aws.Config] that all of a function's clients
// share, by hand from the environment.
//
// The SDK's own config package looks for credentials and settings in files,
// profiles, instance metadata and sign-on services. A Lambda function has all
// of it in its environment, and linking the rest would make its start a third
// longer. So this package knows exactly what Lambda sets, and what a test sets
// to reach an emulator:
//
//	AWS_REGION             required
//	AWS_ACCESS_KEY_ID      required
//	AWS_SECRET_ACCESS_KEY  required
//	AWS_SESSION_TOKEN      of temporary credentials
//	AWS_ENDPOINT_URL       another address than the service's own, for every service
//	AWS_CA_BUNDLE          a PEM file of the certificates to trust instead of the system's
//
// Credentials are read once: Lambda ends an execution environment before its
// credentials end.
package awsconfig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/logging"
)

// How often and how fast a client repeats a request that failed for the moment:
// a little over three seconds at the most. What takes longer is for whoever
// started the function, who tries again anyway.
const (
	maxAttempts  = 6
	firstBackoff = 100 * time.Millisecond // doubled each time, half of it random
)

// New returns the configuration that the environment describes, with one HTTP
// client for all services. Its errors name every variable that is missing or
// wrong, and no variable's value.
func New(getenv func(string) string) (aws.Config, error) {
	region := getenv("AWS_REGION")
	credentials := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	endpoint, endpointErr := checkEndpoint(getenv("AWS_ENDPOINT_URL"))
	client, clientErr := newHTTPClient(getenv("AWS_CA_BUNDLE"))
	err := errors.Join(
		require("AWS_REGION", region),
		require("AWS_ACCESS_KEY_ID", credentials.AccessKeyID),
		require("AWS_SECRET_ACCESS_KEY", credentials.SecretAccessKey),
		endpointErr, clientErr,
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("configure AWS: %w", err)
	}
	return aws.Config{
		Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials, nil
		}),
		HTTPClient:            Plain(client),
		BaseEndpoint:          endpoint,
		Retryer:               newRetryer,
		Logger:                logging.Nop{}, // what fails comes as an error
		AccountIDEndpointMode: aws.AccountIDEndpointModeDisabled,
	}, nil
}

func require(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is not set", name)
	}
	return nil
}

// checkEndpoint returns nil for no endpoint.
func checkEndpoint(endpoint string) (*string, error) {
	if endpoint == "" {
		return nil, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("AWS_ENDPOINT_URL is not the URL of a server")
	}
	return &endpoint, nil
}

// newRetryer makes a retryer for each client: they do not share what is left to
// spend on repeating.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(backoff)
	})
}

// backoff says how long to wait after the attempt of that number, from 1.
func backoff(attempt int, _ error) (time.Duration, error) {
	half := firstBackoff << min(max(attempt-1, 0), maxAttempts) / 2
	return half + rand.N(half), nil //nolint:gosec // Jitter is no secret.
}

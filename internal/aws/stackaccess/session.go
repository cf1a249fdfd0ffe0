package stackaccess

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"

	"intercom-connector/internal/aws/awsconfig"
)

// ErrNoRegion means that nothing says which region the stack is in.
var ErrNoRegion = errors.New("no AWS region is set")

// Options are what the user says about the account.
type Options struct {
	Getenv  func(string) string // the environment
	Region  string              // default: the environment's, then the profile's
	Profile string              // default: the environment's, then "default"
}

// A Session is a way into an account and a region of it.
type Session struct{ config aws.Config }

// Open finds out how to reach AWS. It reads files and sends nothing: whether
// the credentials are any good shows with the first request.
func Open(ctx context.Context, opts Options) (*Session, error) {
	cfg, err := load(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("configure AWS: %w", err)
	}
	if cfg.Region == "" {
		return nil, ErrNoRegion
	}
	return &Session{config: cfg}, nil
}

// load lets the SDK find everything. What the environment says is handed over
// all the same, so that it is the environment of Options that counts.
func load(ctx context.Context, opts Options) (aws.Config, error) {
	getenv := opts.Getenv
	// What fails comes as an error, and nothing else is worth a line.
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if region := cmp.Or(opts.Region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")); region != "" {
		load = append(load, config.WithRegion(region))
	}
	key, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case opts.Profile != "":
		load = append(load, config.WithSharedConfigProfile(opts.Profile))
	case key != "" && secret != "":
		static := credentials.NewStaticCredentialsProvider(key, secret, getenv("AWS_SESSION_TOKEN"))
		load = append(load, config.WithCredentialsProvider(static))
	}
	if endpoint := getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		load = append(load, config.WithBaseEndpoint(endpoint))
	}
	if path := getenv("AWS_CA_BUNDLE"); path != "" {
		bundle, err := os.ReadFile(path)
		if err != nil {
			return aws.Config{}, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
		load = append(load, config.WithCustomCABundle(bytes.NewReader(bundle)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return aws.Config{}, err
	}
	cfg.HTTPClient = awsconfig.Plain(cfg.HTTPClient)
	return cfg, nil
}

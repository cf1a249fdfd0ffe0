package wire_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/wire"
)

var (
	parameters = wire.Service{ID: "SSM", Name: "ssm", Target: "AmazonSSM", Version: "1.1"}
	functions  = wire.Service{ID: "Lambda", Name: "lambda"}
)

// config reaches a server as awsconfig would in a function.
func config(t *testing.T, url string) aws.Config {
	t.Helper()
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "planted-secret",
		"AWS_SESSION_TOKEN": "planted-session", "AWS_ENDPOINT_URL": url,
	}
	cfg, err := awsconfig.New(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// A letter is what of a request its sender decides.
type letter struct {
	Method, URI, Body string
	Header            map[string]string
	Scope             string // of the signature: region/service
}

// served is a server that answers with a body, and what it has got.
func served(t *testing.T, answer string) (cfg aws.Config, got *[]letter) {
	t.Helper()
	got = &[]letter{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		checkSignature(t, r, body)
		l := letter{Method: r.Method, URI: r.RequestURI, Body: strings.TrimSpace(string(body)), Header: map[string]string{}}
		for _, name := range []string{"Content-Type", "X-Amz-Target", "X-Amz-Invocation-Type", "X-Amz-Security-Token", "Accept-Encoding", "Amz-Sdk-Request", "X-Amzn-Trace-Id"} {
			l.Header[name] = r.Header.Get(name)
		}
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		l.Scope = scope[2] + "/" + scope[3]
		*got = append(*got, l)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return config(t, server.URL), got
}

// checkSignature signs what has arrived again, at its own time, and compares.
func checkSignature(t *testing.T, r *http.Request, body []byte) {
	t.Helper()
	sent := r.Header.Get("Authorization")
	_, list, _ := strings.Cut(sent, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	again := httptest.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.RequestURI, strings.NewReader(string(body)))
	for name := range strings.SplitSeq(list, ";") {
		if values := r.Header.Values(name); name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Error(err)
		return
	}
	scope, sum := strings.Split(sent, "/"), sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "planted-secret", SessionToken: "planted-session"}
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(sum[:]), scope[3], scope[2], at); err != nil {
		t.Error(err)
	}
	if got := again.Header.Get("Authorization"); got != sent {
		t.Errorf("the signature is not that of the request:\n%s\n%s", sent, got)
	}
}

// What is sent is what the SDK's own clients send.
func TestAsTheSDKSends(t *testing.T) {
	t.Parallel()
	const id = "0f3a/é"
	for _, tt := range []struct {
		name      string
		ours, sdk func(ctx context.Context, cfg aws.Config) error
	}{
		{
			"JSON protocol 1.1",
			func(ctx context.Context, cfg aws.Config) error {
				return wire.New(cfg, parameters).Call(ctx, "GetParameter", map[string]string{"Name": "/a<b&c"}, nil)
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/a<b&c")})
				return err
			},
		},
		{
			"JSON protocol 1.0",
			func(ctx context.Context, cfg aws.Config) error {
				service := wire.Service{ID: "DynamoDB", Name: "dynamodb", Target: "DynamoDB_20120810", Version: "1.0"}
				return wire.New(cfg, service).Call(ctx, "DescribeTable", map[string]string{"TableName": "t"}, nil)
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := dynamodb.NewFromConfig(cfg).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("t")})
				return err
			},
		},
		{
			"by method and path",
			func(ctx context.Context, cfg aws.Config) error {
				return wire.New(cfg, functions).Do(ctx, wire.Request{
					Operation: "UpdateEventSourceMapping", Method: http.MethodPut, Path: "/2015-03-31/event-source-mappings/0f3a%2F%C3%A9",
					Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"Enabled":false}`),
				}, nil)
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := lambda.NewFromConfig(cfg).UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: aws.String(id), Enabled: aws.Bool(false)})
				return err
			},
		},
		{
			"another region",
			func(ctx context.Context, cfg aws.Config) error {
				return wire.New(cfg, parameters).In("us-east-1").Call(ctx, "GetParameter", map[string]string{"Name": "a"}, nil)
			},
			func(ctx context.Context, cfg aws.Config) error {
				_, err := ssm.NewFromConfig(cfg, func(o *ssm.Options) { o.Region = "us-east-1" }).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("a")})
				return err
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, got := served(t, `{}`)
			if err := errors.Join(tt.sdk(t.Context(), cfg), tt.ours(t.Context(), cfg)); err != nil {
				t.Fatal(err)
			}
			if len(*got) != 2 {
				t.Fatalf("%d requests", len(*got))
			}
			sdk, ours := (*got)[0], (*got)[1]
			sdk.Header["Accept-Encoding"] = "identity" // of most services the SDK accepts gzip
			if diff := cmp.Diff(sdk, ours); diff != "" {
				t.Errorf("(-SDK +wire)\n%s", diff)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	cfg, got := served(t, `{"Parameter":{"Value":"v"},"More":1}`)
	var out struct{ Parameter struct{ Value string } }
	ctx := context.WithValue(t.Context(), "x-amzn-trace-id", "Root=1-2-3") //nolint:revive,staticcheck // As aws-lambda-go has it.
	if err := wire.New(cfg, parameters).Call(ctx, "GetParameter", nil, &out); err != nil || out.Parameter.Value != "v" {
		t.Errorf("got %+v, %v", out, err)
	}
	if h := (*got)[0].Header; h["X-Amzn-Trace-Id"] != "Root=1-2-3" || h["Amz-Sdk-Request"] != "attempt=1; max=6" {
		t.Errorf("headers %v", h)
	}

	cfg, got = served(t, `<html>`)
	err := wire.New(cfg, parameters).Call(t.Context(), "GetParameter", nil, &out)
	if _, ok := errors.AsType[*smithy.DeserializationError](err); !ok || len(*got) != 1 {
		t.Errorf("an answer that is no JSON: got %v after %d requests", err, len(*got))
	}
	if err := wire.New(cfg, parameters).Call(t.Context(), "GetParameter", nil, nil); err != nil {
		t.Errorf("an answer that nobody looks at: %v", err)
	}
}

// Nothing is sent of what cannot be.
func TestNothingToSend(t *testing.T) {
	t.Parallel()
	errNone := errors.New("none today")
	for _, tt := range []struct {
		name string
		set  func(cfg *aws.Config)
		in   any
		want string
	}{
		{"not JSON", func(*aws.Config) {}, func() {}, "operation error SSM: GetParameter, serialization failed"},
		{"no credentials", func(cfg *aws.Config) {
			cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errNone })
		}, nil, "operation error SSM: GetParameter, failed to retrieve credentials: none today"},
		{"no address", func(cfg *aws.Config) { cfg.BaseEndpoint = aws.String("http://a b") }, nil, "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, got := served(t, `{}`)
			tt.set(&cfg)
			err := wire.New(cfg, parameters).Call(t.Context(), "GetParameter", tt.in, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(*got) != 0 {
				t.Errorf("got %v after %d requests, want %q after none", err, len(*got), tt.want)
			}
		})
	}
}

// The addresses of services are those that the SDK knows.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, region := range []string{
		"us-east-1", "eu-west-1", "ap-southeast-7", "mx-central-1", "me-central-1", "il-central-1", "us-gov-west-1", "cn-north-1",
		"cn-northwest-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1",
	} {
		type resolve func() (smithyendpoints.Endpoint, error)
		for service, known := range map[string]resolve{
			"ssm": func() (smithyendpoints.Endpoint, error) {
				return ssm.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), ssm.EndpointParameters{Region: &region}.WithDefaults())
			},
			"lambda": func() (smithyendpoints.Endpoint, error) {
				return lambda.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), lambda.EndpointParameters{Region: &region}.WithDefaults())
			},
			"events": func() (smithyendpoints.Endpoint, error) {
				return eventbridge.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), eventbridge.EndpointParameters{Region: &region}.WithDefaults())
			},
			"dynamodb": func() (smithyendpoints.Endpoint, error) {
				return dynamodb.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), dynamodb.EndpointParameters{Region: &region}.WithDefaults())
			},
			"secretsmanager": func() (smithyendpoints.Endpoint, error) {
				return secretsmanager.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), secretsmanager.EndpointParameters{Region: &region}.WithDefaults())
			},
		} {
			want, err := known()
			if err != nil {
				t.Fatal(err)
			}
			if got := wire.Address(service, region); got != want.URI.String() {
				t.Errorf("%s in %s: got %s, want %s", service, region, got, want.URI.String())
			}
		}
	}
}

func TestOnTheEmulator(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client, name := wire.New(cfg, parameters), "/"+emulator.Name(t)
	in := map[string]any{"Name": name, "Value": "<&é>", "Type": "String"}
	if err := client.Call(t.Context(), "PutParameter", in, nil); err != nil {
		t.Fatal(err)
	}
	var out struct{ Parameter struct{ Value string } }
	if err := client.Call(t.Context(), "GetParameter", map[string]string{"Name": name}, &out); err != nil || out.Parameter.Value != "<&é>" {
		t.Errorf("got %q, %v", out.Parameter.Value, err)
	}
	if err := client.Call(t.Context(), "GetParameter", map[string]string{"Name": name + "x"}, nil); !wire.IsCode(err, "ParameterNotFound") {
		t.Errorf("a parameter that is not there: got %v", err)
	}
	err = wire.New(cfg, functions).Do(t.Context(), wire.Request{
		Operation: "GetFunction", Method: http.MethodGet, Path: "/2015-03-31/functions/none",
	}, nil)
	if !wire.IsCode(err, "ResourceNotFoundException") {
		t.Errorf("a function that is not there: got %v", err)
	}
}

package selfinvoke_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/selfinvoke"
)

func invoker(t *testing.T, answer http.HandlerFunc) *selfinvoke.Invoker {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
		"AWS_ENDPOINT_URL": server.URL,
	}
	cfg, err := awsconfig.New(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return selfinvoke.New(cfg, "my-stack_main_subscribe")
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	var got []string
	i := invoker(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Amz-Invocation-Type")+" "+string(body))
		authorization := r.Header.Get("Authorization")
		for _, want := range []string{"Credential=id/", "/eu-west-1/lambda/aws4_request", "x-amz-invocation-type", "x-amz-security-token"} {
			if !strings.Contains(authorization, want) {
				t.Errorf("authorization %q has no %s", authorization, want)
			}
		}
		switch len(got) {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	if err := i.Invoke(t.Context(), []byte(`{"subscription":"contacts"}`)); err != nil {
		t.Fatal(err)
	}
	const want = `POST /2015-03-31/functions/my-stack_main_subscribe/invocations Event {"subscription":"contacts"}`
	if len(got) != 4 {
		t.Errorf("got %q, want four", got)
	}
	for _, request := range got {
		if request != want {
			t.Errorf("got %q, want %q", request, want)
		}
	}
}

func TestInvokeRefused(t *testing.T) {
	t.Parallel()
	requests := 0
	i := invoker(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException:http://internal.amazon.com/")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"Message":"not authorized to perform: lambda:InvokeFunction"}`)
	})
	err := i.Invoke(t.Context(), []byte(`{}`))
	for _, want := range []string{"invoke my-stack_main_subscribe: ", "403 AccessDeniedException: not authorized to perform: lambda:InvokeFunction"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if requests != 1 {
		t.Errorf("asked %d times for what is refused", requests)
	}
}

func TestInvokeGivesUp(t *testing.T) {
	t.Parallel()
	requests := 0
	i := invoker(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `<html>`)
	})
	if err := i.Invoke(t.Context(), nil); err == nil || requests < 3 {
		t.Errorf("got %v after %d requests, want an error after several", err, requests)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	requests = 0
	if err := i.Invoke(ctx, nil); err == nil || requests > 1 {
		t.Errorf("got %v after %d requests, want one", err, requests)
	}
}

// The emulator checks who asks, and knows which functions it has.
func TestOnLambda(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	i := selfinvoke.New(cfg, emulator.Name(t))
	if err := i.Invoke(t.Context(), []byte(`{}`)); err == nil || !strings.Contains(err.Error(), "404 ResourceNotFoundException") {
		t.Errorf("got %v, want that there is no such function", err)
	}
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIANOBODY", SecretAccessKey: "secret"}, nil
	})
	if err := selfinvoke.New(cfg, emulator.Name(t)).Invoke(t.Context(), []byte(`{}`)); err == nil || !strings.Contains(err.Error(), ", 403 ") {
		t.Errorf("got %v, want that nobody may", err)
	}
}

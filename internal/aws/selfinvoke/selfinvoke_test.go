package selfinvoke_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/selfinvoke"
)

func invoker(t *testing.T, answer http.HandlerFunc) *selfinvoke.Invoker {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.URL,
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
		if len(got) == 1 {
			w.WriteHeader(http.StatusInternalServerError) // is tried again
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	if err := i.Invoke(t.Context(), []byte(`{"subscription":"contacts"}`)); err != nil {
		t.Fatal(err)
	}
	const want = `POST /2015-03-31/functions/my-stack_main_subscribe/invocations Event {"subscription":"contacts"}`
	if len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("got %q, want twice %q", got, want)
	}
}

func TestInvokeRefused(t *testing.T) {
	t.Parallel()
	i := invoker(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
	})
	err := i.Invoke(t.Context(), []byte(`{}`))
	if err == nil || !strings.Contains(err.Error(), "invoke my-stack_main_subscribe") || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("got %v, want what was refused and why", err)
	}
}

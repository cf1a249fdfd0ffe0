package stackaccess_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/aws/stackaccess"
)

// keys is an environment with credentials and a server instead of AWS.
func keys(url string) func(string) string {
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "planted-secret", "AWS_ENDPOINT_URL": url,
	}
	return func(name string) string { return env[name] }
}

// refusal answers every request of CloudFormation with an error.
func refusal(status int, code, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, code, message)
	})
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		status        int
		code, message string
		want          stackaccess.Problem
	}{
		{
			"denied, and says what", http.StatusForbidden, "AccessDenied",
			"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: cloudformation:DescribeStacks on resource: arn:aws:cloudformation:x:stack/shop/* because no identity-based policy allows it",
			stackaccess.Problem{Kind: stackaccess.Denied, Action: "cloudformation:DescribeStacks", Resource: "arn:aws:cloudformation:x:stack/shop/*"},
		},
		{
			"denied, and does not say what", http.StatusForbidden, "AccessDenied", "no",
			stackaccess.Problem{Kind: stackaccess.Denied, Action: "cloudformation:DescribeStacks"},
		},
		{"expired", http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired", stackaccess.Problem{Kind: stackaccess.Expired}},
		{"unknown key", http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid", stackaccess.Problem{Kind: stackaccess.Refused}},
		{"wrong secret", http.StatusForbidden, "SignatureDoesNotMatch", "x", stackaccess.Problem{Kind: stackaccess.Refused}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(refusal(tt.status, tt.code, tt.message))
			t.Cleanup(server.Close)
			session, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: keys(server.URL)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = session.Stack(t.Context(), "shop")
			got, ok := stackaccess.Diagnose(err)
			if !ok || got != tt.want {
				t.Errorf("got %+v, %v of %v, want %+v", got, ok, err, tt.want)
			}
		})
	}
}

func TestDiagnoseUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	session, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: keys(server.URL)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = session.Stack(t.Context(), "shop")
	if got, ok := stackaccess.Diagnose(err); !ok || got.Kind != stackaccess.Unreachable {
		t.Errorf("got %+v, %v of %v", got, ok, err)
	}
}

// What is not of AWS is none of its problems.
func TestDiagnoseOthers(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("SSO token has expired"), fmt.Errorf("x: %w", os.ErrNotExist)} {
		if got, ok := stackaccess.Diagnose(err); ok {
			t.Errorf("%v: got %+v", err, got)
		}
	}
	_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if got, ok := stackaccess.Diagnose(err); ok {
		t.Errorf("%v: got %+v", err, got)
	}
}

// The test changes the process's environment, so it has it alone.
func TestProfiles(t *testing.T) {
	folder := t.TempDir()
	config, cred := filepath.Join(folder, "config"), filepath.Join(folder, "credentials")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(config, `[profile work]
region = us-east-1
[profile bare]
output = json
[profile signed-out]
region = us-east-1
sso_session = company
sso_account_id = 123456789012
sso_role_name = dev
[sso-session company]
sso_start_url = https://company.example.com/start
sso_region = us-east-1
`)
	write(cred, "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = planted-secret\n")
	t.Setenv("AWS_CONFIG_FILE", config)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", cred)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("HOME", folder)
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	none := func(string) string { return "" }

	if _, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: none, Profile: "work"}); err != nil {
		t.Error(err)
	}
	_, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: none, Profile: "bare"})
	if !errors.Is(err, stackaccess.ErrNoRegion) {
		t.Errorf("a profile without a region: got %v, want ErrNoRegion", err)
	}
	_, err = stackaccess.Open(t.Context(), stackaccess.Options{Getenv: none, Profile: "missing"})
	if got, ok := stackaccess.Diagnose(err); !ok || got.Kind != stackaccess.NoProfile || got.Profile != "missing" {
		t.Errorf("a missing profile: got %+v, %v of %v", got, ok, err)
	}
	for _, tt := range []struct {
		profile string
		want    stackaccess.Kind
	}{
		{"signed-out", stackaccess.SignedOut},
		{"bare", stackaccess.NoCredentials},
	} {
		session, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: none, Profile: tt.profile, Region: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = session.Stack(t.Context(), "shop")
		if got, ok := stackaccess.Diagnose(err); !ok || got.Kind != tt.want {
			t.Errorf("%s: got %+v, %v of %v, want %v", tt.profile, got, ok, err, tt.want)
		}
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	calls := 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		calls++
		switch r.PathValue("name") {
		case "good":
			fmt.Fprint(w, `{"ok": true}`)
		case "failing":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			fmt.Fprint(w, `{"errorType": "RunError", "errorMessage": "contacts: no token"}`)
		case "dying":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			fmt.Fprint(w, `{"errorMessage": "Task timed out"}`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	stack := fakeStack(t, mux)
	if got, err := stack.Invoke(t.Context(), "good", []byte("{}")); err != nil || string(got) != `{"ok": true}` {
		t.Errorf("got %s and %v", got, err)
	}
	_, err := stack.Invoke(t.Context(), "failing", []byte("{}"))
	if failed, ok := errors.AsType[*stackaccess.FunctionError](err); !ok || failed.Type != "RunError" || failed.Message != "contacts: no token" {
		t.Errorf("got %v", err)
	}
	_, err = stack.Invoke(t.Context(), "dying", []byte("{}"))
	if failed, ok := errors.AsType[*stackaccess.FunctionError](err); !ok || failed.Type != "Unhandled" {
		t.Errorf("got %v", err)
	}
	calls = 0
	if _, err := stack.Invoke(t.Context(), "broken", []byte("{}")); err == nil || calls != 1 {
		t.Errorf("%d calls and %v, want one and an error: it may be running", calls, err)
	}
}

// What SQS does not take for the moment is sent again, and what it refuses is
// not.
func TestSendPartly(t *testing.T) {
	t.Parallel()
	var bodies []string
	stack := fakeStack(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(b))
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if len(bodies) == 1 {
			fmt.Fprint(w, `{"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "0cc175b9c0f1b6a831c399e269772661"}], "Failed": [
				{"Id": "1", "Code": "InternalError", "SenderFault": false},
				{"Id": "2", "Code": "InvalidMessageContents", "Message": "no", "SenderFault": true}]}`)
			return
		}
		fmt.Fprint(w, `{"Successful": [{"Id": "1", "MessageId": "m", "MD5OfMessageBody": "92eb5ffee6ae2fec3ad71c777531578f"}], "Failed": []}`)
	}))
	began := time.Now()
	failures, err := stack.Send(t.Context(), stackaccess.Queue{Name: "q", URL: "http://q/1/q"}, []stackaccess.Outgoing{{Body: "a"}, {Body: "b"}, {Body: "c"}})
	if err != nil || len(failures) != 1 || failures[0] != (stackaccess.Failure{Index: 2, Code: "InvalidMessageContents", Reason: "no"}) {
		t.Errorf("got %+v and %v", failures, err)
	}
	if len(bodies) != 2 || strings.Contains(bodies[1], `"0"`) || time.Since(began) < 100*time.Millisecond {
		t.Errorf("%d requests at once, want two with a pause", len(bodies))
	}
}

// fakeStack is a stack whose queues and functions answer as a handler does.
func fakeStack(t *testing.T, handler http.Handler) *stackaccess.Stack {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" { // CloudFormation
			healthServer(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	session, err := stackaccess.Open(t.Context(), stackaccess.Options{Getenv: keys(server.URL)})
	if err != nil {
		t.Fatal(err)
	}
	stack, err := session.Stack(t.Context(), "it")
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

package secrets_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/secrets"
	"intercom-connector/internal/names"
	"intercom-connector/shared/intercom"
)

// planted is in every value, and nowhere else.
const planted = "planted-dG9rOjEyMw=="

// deployed is a stack whose secrets for the client main are there, without a
// value, as the stack makes them.
func deployed(t *testing.T) (*secrets.Store, *secretsmanager.Client, names.Stack) {
	t.Helper()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	stack, client := names.Stack(emulator.Name(t)), secretsmanager.NewFromConfig(cfg)
	for _, name := range []string{stack.Token("main"), stack.App("main")} {
		if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name}); err != nil {
			t.Fatal(err)
		}
	}
	return secrets.New(cfg, stack), client, stack
}

func TestToken(t *testing.T) {
	t.Parallel()
	store, client, stack := deployed(t)
	want := secrets.Token{
		Value: planted, Workspace: "ab12cd34", WorkspaceName: "Acme", Region: "eu", Timezone: "Europe/Amsterdam",
		GrantedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	}
	first, err := store.PutToken(t.Context(), "main", secrets.Token{Value: "the first"})
	if err != nil {
		t.Fatal(err)
	}
	want.Version, err = store.PutToken(t.Context(), "main", want)
	if err != nil {
		t.Fatal(err)
	}
	if first == "" || first == want.Version {
		t.Errorf("versions %q and %q, want two different ones", first, want.Version)
	}
	got, err := store.Token(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the token is not what was stored: version %q, want %q", got.Version, want.Version)
	}
	previous, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(stack.Token("main")), VersionStage: aws.String("AWSPREVIOUS"),
	})
	if err != nil || aws.ToString(previous.VersionId) != first {
		t.Errorf("the version before is %q, %v, want %q", aws.ToString(previous.VersionId), err, first)
	}
}

// What others have stored, by AWS's console or another tool.
func TestTokenOfOthers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, value string
		want        string // "" for a token that is missing, unless there is an error
		err         string
	}{
		{"bare", planted, planted, ""},
		{"bare with a line break", " " + planted + "\n", planted, ""},
		{"only the token", `{"token": "` + planted + `"}`, planted, ""},
		{"more than we know", `{"token": "` + planted + `", "note": {"by": "hand"}, "granted_at": "yesterday"}`, planted, ""},
		{"blank", " \n", "", ""},
		{"empty object", "{}", "", ""},
		{"other key", `{"access_token": "` + planted + `"}`, "", ""},
		{"token of another kind", `{"token": ["` + planted + `"]}`, "", "no object with a token"},
		{"broken", `{"token": "` + planted, "", "no object with a token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store, client, stack := deployed(t)
			_, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
				SecretId: aws.String(stack.Token("main")), SecretString: &tt.value,
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := store.Token(t.Context(), "main")
			if got.Value != tt.want {
				t.Error("the token is not the one that is in the value")
			}
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) || errors.Is(err, intercom.ErrNoToken) {
					t.Errorf("got %v, want it to say %q", err, tt.err)
				}
			case tt.want != "":
				if err != nil {
					t.Error(err)
				}
			case !errors.Is(err, intercom.ErrNoToken):
				t.Errorf("got %v, want %v", err, intercom.ErrNoToken)
			}
			if err != nil && strings.Contains(err.Error(), "planted") {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

// What is missing names the one command that helps.
func TestMissing(t *testing.T) {
	t.Parallel()
	store, _, stack := deployed(t)
	_, tokenErr := store.Token(t.Context(), "main")
	_, goneErr := store.Token(t.Context(), "another")
	_, appErr := store.App(t.Context(), "main")
	_, sourceErr := store.Source("main", false).Token(t.Context())
	_, grantErr := store.Source("main", true).Token(t.Context())
	_, putErr := store.PutToken(t.Context(), "another", secrets.Token{Value: planted})
	for _, tt := range []struct {
		name string
		err  error
		want string
		is   error
	}{
		{"token", tokenErr, "client main has no token yet: run connector token main --stack " + string(stack), intercom.ErrNoToken},
		{"token of a client without a secret", goneErr, "client another has no token yet: run connector token another --stack " + string(stack), intercom.ErrNoToken},
		{"token of a source", sourceErr, "client main has no token yet: run connector token main --stack " + string(stack), intercom.ErrNoToken},
		{"token that is granted", grantErr, "client main has no token yet: run connector grant main --stack " + string(stack), intercom.ErrNoToken},
		{"app", appErr, "client main has no OAuth app yet: run connector app main --stack " + string(stack), secrets.ErrNoApp},
		{"secret", putErr, "store the token of client another: there is no secret " + stack.Token("another") + ": deploy the stack first", nil},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, tt.err, tt.want)
		}
		for _, other := range []error{intercom.ErrNoToken, secrets.ErrNoApp} {
			if got, want := errors.Is(tt.err, other), errors.Is(tt.is, other); got != want {
				t.Errorf("%s: is %q: got %v, want %v", tt.name, other, got, want)
			}
		}
	}
}

func TestApp(t *testing.T) {
	t.Parallel()
	store, _, _ := deployed(t)
	want := secrets.App{ID: "id-" + planted, Secret: "secret-" + planted}
	if err := store.PutApp(t.Context(), "main", want); err != nil {
		t.Fatal(err)
	}
	if got, err := store.App(t.Context(), "main"); err != nil || got != want {
		t.Errorf("the app is not what was stored: %v", err)
	}
	for _, app := range []secrets.App{{}, {ID: "id"}, {Secret: planted}} {
		err := store.PutApp(t.Context(), "main", app)
		if err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("half an app: got %v", err)
		}
	}
	if _, err := store.PutToken(t.Context(), "main", secrets.Token{Value: " "}); err == nil {
		t.Error("an empty token is stored")
	}
}

// Whatever prints what has a secret in it shows none of it.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	store, _, _ := deployed(t)
	token, app := secrets.Token{Value: planted}, secrets.App{ID: "id-" + planted, Secret: planted}
	if _, err := store.PutToken(t.Context(), "main", token); err != nil {
		t.Fatal(err)
	}
	source := store.Source("main", false)
	if _, err := source.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{token, &token, app, &app, source, struct{ S any }{source}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, format+"\n", v)
		}
		log.InfoContext(t.Context(), "v", "v", v)
		text, err := json.Marshal(v)
		out.WriteString(cmp.Diff(nil, err) + string(text) + "\n")
	}
	hex := fmt.Sprintf("%x", planted)
	if got := out.String(); strings.Contains(got, planted) || strings.Contains(got, hex) {
		t.Errorf("printed:\n%s", got)
	}
}

// An error does not show what it was about, even if AWS's quotes it.
func TestPutErrorShowsNothing(t *testing.T) {
	t.Parallel()
	echo := roundTripper(func(req *http.Request) (*http.Response, error) {
		var in struct{ SecretString string }
		if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
			return nil, err
		}
		body, err := json.Marshal(map[string]string{"__type": "ValidationException", "message": "bad: " + in.SecretString + " " + planted})
		if err != nil {
			return nil, err
		}
		return &http.Response{
			StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Request: req,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
			Body:   io.NopCloser(bytes.NewReader(body)),
		}, nil
	})
	store := secrets.New(aws.Config{
		Region: "eu-west-1", HTTPClient: &http.Client{Transport: echo}, Credentials: nobody,
	}, "stack")
	_, tokenErr := store.PutToken(t.Context(), "main", secrets.Token{Value: planted})
	appErr := store.PutApp(t.Context(), "main", secrets.App{ID: "id", Secret: planted})
	for _, err := range []error{tokenErr, appErr} {
		if err == nil || !strings.Contains(err.Error(), "ValidationException: bad: ***") || strings.Contains(err.Error(), planted) {
			t.Errorf("got %v, want it without the secret", err)
		}
	}
}

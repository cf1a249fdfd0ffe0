package funcenv_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/funcenv"
	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// whole is an environment as infra makes it.
func whole() map[string]string {
	return map[string]string{
		names.EnvStack: "my-stack", names.EnvClient: "main", names.EnvStateTable: "my-stack_state", names.EnvBucket: "my-bucket",
		names.EnvEventBus: "my-stack_events", names.EnvQueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/",
		funcenv.Root: "/var/task",
	}
}

func from(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestWholeEnvironment(t *testing.T) {
	t.Parallel()
	want := funcenv.Reader{
		Stack: "my-stack", Client: "main", StateTable: "my-stack_state", Bucket: "my-bucket", EventBus: "my-stack_events",
		QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/", Root: "/var/task",
	}
	for name, read := range map[string]func(func(string) string) (funcenv.Reader, error){
		"subscribe": funcenv.Subscribe, "publish": funcenv.Publish,
	} {
		got, err := read(from(whole()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got, err := funcenv.OAuthCallback(from(whole()))
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(funcenv.Callback{Stack: "my-stack", StateTable: "my-stack_state", Root: "/var/task"}, got); diff != "" {
		t.Errorf("callback (-want +got):\n%s", diff)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := funcenv.Subscribe(from(nil))
	if err == nil {
		t.Fatal("accepted an empty environment")
	}
	for name := range whole() {
		if named := strings.Contains(err.Error(), name+" is not set"); named == (name == names.EnvEventBus) {
			t.Errorf("%s: named %v in %q", name, named, err)
		}
	}
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, variable, value, want string }{
		{"stack", names.EnvStack, "my_stack", "STACK: a stack cannot be called"},
		{"queue without its end", names.EnvQueueURL, "https://sqs.eu-west-1.amazonaws.com/123456789012", "QUEUE_URL is not"},
		{"queue without an account", names.EnvQueueURL, "https://sqs.eu-west-1.amazonaws.com/", "QUEUE_URL is not"},
		{"queue that is an ARN", names.EnvQueueURL, "arn:aws:sqs:eu-west-1:123456789012:x/", "QUEUE_URL is not"},
		{"queue with a query", names.EnvQueueURL, "https://sqs.eu-west-1.amazonaws.com/1/?a=/", "QUEUE_URL is not"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(whole())
			env[tt.variable] = tt.value
			if _, err := funcenv.Publish(from(env)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLoadClient(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if _, _, err := funcenv.LoadClient(root, "main"); err == nil || !strings.Contains(err.Error(), names.ConfigFile) {
		t.Errorf("got %v, want that %s is missing", err, names.ConfigFile)
	}
	data, err := config.Encode(&config.Config{Clients: map[string]*config.Client{"main": {Name: "main"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, names.ConfigFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, client, err := funcenv.LoadClient(root, "main"); err != nil || client.Name != "main" {
		t.Errorf("got %v, %v", client, err)
	}
	if _, _, err := funcenv.LoadClient(root, "other"); err == nil || !strings.Contains(err.Error(), `CLIENT is "other"`) {
		t.Errorf("got %v, want that there is no such client", err)
	}
}

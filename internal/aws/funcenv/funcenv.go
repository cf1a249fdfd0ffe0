// Package funcenv reads what the stack has decided for a function: the names of
// what it may use, by environment, and the user's configuration, by a file
// beside its bootstrap. Whatever is missing or wrong is told at once, by name, so
// that one look at the log of a function that does not start is enough.
//
// infra's tests hand each function's environment in the template to the same
// constructors. What AWS sets itself (region, credentials) is for awsconfig.
package funcenv

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// Root is where Lambda unpacks a function. Lambda sets it.
const Root = "LAMBDA_TASK_ROOT"

// A Reader is the environment of a function that works with one client: the one
// that reads and the one that writes.
type Reader struct {
	Stack      names.Stack
	Client     string
	StateTable string
	Bucket     string
	EventBus   string // "" where no subscription needs the stack's
	QueueURL   string // what the URLs of the stack's queues begin with
	Root       string // the folder of the configuration
}

// A Callback is the environment of the function that takes the OAuth callback of
// all clients.
type Callback struct {
	Stack      names.Stack
	StateTable string
	Root       string // the folder of the configuration
}

// Subscribe reads the environment of the function that reads with a client.
func Subscribe(getenv func(string) string) (Reader, error) { return worker(getenv) }

// Publish reads the environment of the function that writes with a client.
func Publish(getenv func(string) string) (Reader, error) { return worker(getenv) }

func worker(getenv func(string) string) (Reader, error) {
	v := variables{getenv: getenv}
	env := Reader{
		Stack:      v.stack(),
		Client:     v.required(names.EnvClient),
		StateTable: v.required(names.EnvStateTable),
		Bucket:     v.required(names.EnvBucket),
		EventBus:   getenv(names.EnvEventBus),
		QueueURL:   v.queues(),
		Root:       v.required(Root),
	}
	return env, v.err()
}

// OAuthCallback reads the environment of the function that takes the callback.
func OAuthCallback(getenv func(string) string) (Callback, error) {
	v := variables{getenv: getenv}
	env := Callback{Stack: v.stack(), StateTable: v.required(names.EnvStateTable), Root: v.required(Root)}
	return env, v.err()
}

// variables collects what is wrong with them.
type variables struct {
	getenv   func(string) string
	problems []error
}

func (v *variables) err() error {
	if err := errors.Join(v.problems...); err != nil {
		return fmt.Errorf("read the environment: %w", err)
	}
	return nil
}

func (v *variables) required(name string) string {
	value := v.getenv(name)
	if value == "" {
		v.problems = append(v.problems, fmt.Errorf("%s is not set", name))
	}
	return value
}

func (v *variables) stack() names.Stack {
	value := v.required(names.EnvStack)
	if value == "" {
		return ""
	}
	if err := names.CheckStack(value); err != nil {
		v.problems = append(v.problems, fmt.Errorf("%s: %w", names.EnvStack, err))
	}
	return names.Stack(value)
}

// queues wants the beginning of a URL that only a queue's name is missing from.
func (v *variables) queues() string {
	value := v.required(names.EnvQueueURL)
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || !strings.HasSuffix(u.Path, "/") || u.Path == "/" ||
		u.RawQuery != "" || u.Fragment != "" {
		v.problems = append(v.problems, fmt.Errorf("%s is not what the URL of a queue begins with, such as https://sqs.eu-west-1.amazonaws.com/123456789012/",
			names.EnvQueueURL))
	}
	return value
}

// LoadConfig reads the compiled configuration from a function's folder.
func LoadConfig(root string) (*config.Config, error) {
	data, err := os.ReadFile(filepath.Join(root, names.ConfigFile))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return config.Decode(data)
}

// LoadClient reads the compiled configuration and finds a client in it.
func LoadClient(root, name string) (*config.Config, *config.Client, error) {
	cfg, err := LoadConfig(root)
	if err != nil {
		return nil, nil, err
	}
	client := cfg.Clients[name]
	if client == nil {
		return nil, nil, fmt.Errorf("%s is %q, and the configuration has no such client", names.EnvClient, name)
	}
	return cfg, client, nil
}

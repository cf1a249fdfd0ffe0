// Package awstest gives tests an AWS of their own: MiniStack, an emulator that
// tools/setup installs, with TLS and with IAM enforced.
//
//	emulator := awstest.Start(t)
//	cfg, err := awsconfig.New(emulator.Getenv)
//
// One emulator serves all tests of a test binary, because starting one takes a
// second. So a test names what it makes by [Emulator.Name], and looks only at
// that. The emulator ends with the test binary, however that ends.
//
// Where tools/setup has not run, tests that need it are skipped, unless
// INTERCOM_CONNECTOR_EMULATOR=required says that this must not be.
package awstest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Required is the variable that makes a missing emulator a failure.
const Required = "INTERCOM_CONNECTOR_EMULATOR"

// Region is where the emulator says it is.
const Region = "eu-west-1"

// An Emulator is a running MiniStack.
type Emulator struct {
	Endpoint string // https://127.0.0.1:port
	CAFile   string // PEM: the emulator's certificate
	LogFile  string // what the emulator says, and the functions it runs
}

// start runs the one emulator of this process.
var start = sync.OnceValues(run)

// Start returns the emulator of this test binary, which the first call starts.
func Start(tb testing.TB) *Emulator {
	tb.Helper()
	Cache(tb)
	e, err := start()
	if err != nil {
		tb.Fatalf("start the emulator: %v", err)
	}
	return e
}

// Cache returns the folder in which tools/setup installs: venv/bin has the
// emulator and cfn-lint, node/node_modules/.bin the CDK's command. A test
// ends here, skipped or failed, where tools/setup has not run.
func Cache(tb testing.TB) string {
	tb.Helper()
	dir, err := cache()
	if err == nil {
		return dir
	}
	if getenv(Required) == "required" {
		tb.Fatalf("run tools/setup first: %v", err)
	}
	tb.Skipf("run tools/setup first: %v", err)
	return ""
}

// cache finds the folder beside the next go.mod upwards.
var cache = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
	dir = filepath.Join(dir, ".cache")
	// What tools/setup writes last.
	if _, err := os.Stat(filepath.Join(dir, "setup.stamp")); err != nil {
		return "", err
	}
	return dir, nil
})

// Getenv is the environment of somebody who may do everything, as
// awsconfig.New wants it.
func (e *Emulator) Getenv(name string) string { return e.environment()[name] }

// Env is the same for programs, such as the CDK's and AWS's commands: it is to
// be added to what they need besides.
func (e *Emulator) Env() []string {
	var env []string
	for name, value := range e.environment() {
		env = append(env, name+"="+value)
	}
	return env
}

func (e *Emulator) environment() map[string]string {
	return map[string]string{
		"AWS_REGION":                Region,
		"AWS_DEFAULT_REGION":        Region,
		"AWS_ACCESS_KEY_ID":         "test",
		"AWS_SECRET_ACCESS_KEY":     "test",
		"AWS_ENDPOINT_URL":          e.Endpoint,
		"AWS_CA_BUNDLE":             e.CAFile,
		"AWS_EC2_METADATA_DISABLED": "true",
		"NODE_EXTRA_CA_CERTS":       e.CAFile,
	}
}

var named atomic.Int64

// Name returns a name that no other test of this emulator has: letters, digits
// and dashes, 40 of them at the most, so that it fits whatever AWS names.
func (e *Emulator) Name(tb testing.TB) string {
	tb.Helper()
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '-'
		}
	}, tb.Name())
	return fmt.Sprintf("%.32s-%d", strings.Trim(name, "-"), named.Add(1))
}

// getenv is the environment of the test binary. Tests have no main that could
// hand it over.
func getenv(name string) string {
	value, _ := os.LookupEnv(name) //nolint:forbidigo // Only tests come here.
	return value
}

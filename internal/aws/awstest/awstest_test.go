package awstest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
)

// hang makes the test binary start an emulator, say where it is, and wait to be
// killed.
const hang = "AWSTEST_HANG"

func TestStart(t *testing.T) {
	t.Parallel()
	e := awstest.Start(t)
	if again := awstest.Start(t); again != e {
		t.Error("a second emulator in one test binary")
	}
	cfg, err := awsconfig.New(e.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client, name := ssm.NewFromConfig(cfg), aws.String("/"+e.Name(t))
	_, err = client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: name, Value: aws.String("v"), Type: types.ParameterTypeString})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := aws.ToString(got.Parameter.Value), "v"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// IAM is enforced: somebody unknown may do nothing.
func TestStrangerIsRefused(t *testing.T) {
	t.Parallel()
	e := awstest.Start(t)
	cfg, err := awsconfig.New(func(name string) string {
		if name == "AWS_ACCESS_KEY_ID" {
			return "AKIASTRANGER00000000"
		}
		return e.Getenv(name)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/any")})
	if err == nil || strings.Contains(err.Error(), "ParameterNotFound") {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	e := &awstest.Emulator{}
	t.Run("Odd name, and É: much longer than what a queue may be called", func(t *testing.T) {
		t.Parallel()
		name := e.Name(t)
		if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || name == e.Name(t) {
			t.Errorf("got %q", name)
		}
	})
}

// The emulator ends with its test binary, even with one that is killed, and
// takes its folder along.
func TestEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	awstest.Cache(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestHang$", "-test.v")
	cmd.Env = append(os.Environ(), hang+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var endpoint, caFile string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "emulator %s %s", &endpoint, &caFile); n == 2 {
			break
		}
	}
	if endpoint == "" {
		t.Fatal("the process has no emulator")
	}
	if !listens(t.Context(), endpoint) {
		t.Fatal("the emulator does not listen")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, err := os.Stat(filepath.Dir(caFile))
		if os.IsNotExist(err) && !listens(t.Context(), endpoint) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("half a minute later: its folder: %v, listening: %v", err, listens(t.Context(), endpoint))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	if os.Getenv(hang) == "" {
		t.Skip("only in the process of another test")
	}
	e := awstest.Start(t)
	fmt.Printf("\nemulator %s %s\n", e.Endpoint, e.CAFile) //nolint:forbidigo // The other process reads it.
	select {}
}

func listens(ctx context.Context, endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 5 * time.Second},
		Config:    &tls.Config{InsecureSkipVerify: true},
	}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

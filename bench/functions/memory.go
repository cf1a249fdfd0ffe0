package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"intercom-connector/bench/internal/harness"
	"intercom-connector/bench/internal/runtimeapi"
	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
	"intercom-connector/internal/names"
	"intercom-connector/shared/intercom/intercomtest"
)

// What the stack would have made.
const (
	stack  = "bench"
	table  = "bench-state"
	bucket = "bench-events"
)

// A memory is what a run of the function took.
type memory struct {
	Peak    int64 // bytes, resident
	Took    time.Duration
	Events  int
	Objects int
}

// remember lets the function read all contacts and looks at its memory.
func remember(ctx context.Context, dir, path string) (*memory, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	work, err := os.MkdirTemp("", "bench-functions")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	endpoint, err := emulate(ctx, work, path)
	if err != nil {
		return nil, err
	}
	workspace, err := workspace(ctx)
	if err != nil {
		return nil, err
	}
	if err := configure(work, workspace); err != nil {
		return nil, err
	}
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint,
	}
	cfg, err := awsconfig.New(func(name string) string { return env[name] })
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, cfg); err != nil {
		return nil, err
	}
	m, err := invoke(ctx, dir, work, endpoint)
	if err != nil {
		return nil, err
	}
	listed, err := s3.NewFromConfig(cfg, byPath).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(names.EventsPrefix)})
	if err != nil {
		return nil, err
	}
	m.Objects = len(listed.Contents)
	return m, nil
}

func byPath(o *s3.Options) { o.UsePathStyle = true }

// emulate starts an emulator of AWS, which ends with ctx.
func emulate(ctx context.Context, work, path string) (endpoint string, err error) {
	command := filepath.Join(".cache", "venv", "bin", "ministack")
	if _, err := os.Stat(command); err != nil {
		return "", errors.New("there is no emulator of AWS: run tools/setup first")
	}
	port, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	endpoint = "http://127.0.0.1:" + port
	cmd := exec.CommandContext(ctx, command)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = []string{
		"PATH=" + path, "HOME=" + work, "TMPDIR=" + work, "GATEWAY_PORT=" + port, "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1",
		"MINISTACK_REGION=eu-west-1", "IOT_MTLS_ENABLED=0", "AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	go func() { _ = cmd.Wait() }() // it ends with ctx
	for {
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "tcp", "127.0.0.1:"+port); err == nil {
			return endpoint, conn.Close()
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil //nolint:forcetypeassert // It is of TCP.
}

// workspace serves the contacts, and returns where.
func workspace(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ws := intercomtest.New(intercomtest.Config{Contacts: contacts, RecordSize: 2000})
	server := &http.Server{Handler: ws, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // ends with the process
	return "http://" + l.Addr().String(), nil
}

// configure writes the compiled configuration, with the workspace's address.
func configure(dir, url string) error {
	cfg, err := file.Load(filepath.Join("bench", "functions", "connector.yaml"))
	if err != nil {
		return err
	}
	cfg.Clients["main"].BaseURL = url
	compiled, err := config.Encode(cfg)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, names.ConfigFile), compiled, 0o600)
}

// prepare makes what the function finds.
func prepare(ctx context.Context, cfg aws.Config) error {
	if err := awstest.CreateTable(ctx, cfg, table); err != nil {
		return err
	}
	if _, err := s3.NewFromConfig(cfg, byPath).CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    aws.String(bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraintEuWest1},
	}); err != nil {
		return err
	}
	_, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String(names.Stack(stack).Token("main")), SecretString: aws.String("bench-token"),
	})
	return err
}

// invoke runs the subscription in one invocation of the function.
func invoke(ctx context.Context, dir, root, endpoint string) (*memory, error) {
	api, err := runtimeapi.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	cmd, said, err := command(ctx, dir, root, api.Addr, "AWS_ENDPOINT_URL="+endpoint)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	began := time.Now()
	answer, err := api.Invoke(ctx, []byte(`{"subscription":"contacts"}`), 5*time.Minute)
	took := time.Since(began)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	if err != nil {
		return nil, fmt.Errorf("invoke: %w\n%s", err, said)
	}
	var report struct {
		Outcome string `json:"outcome"`
		Events  int    `json:"events"`
	}
	if err := json.Unmarshal(answer.Body, &report); err != nil || answer.Failed || report.Outcome != "done" || report.Events != contacts {
		return nil, fmt.Errorf("invoke: %w: %s\n%s", errors.Join(err, errors.New("no run of all contacts")), answer.Body, said)
	}
	return &memory{Peak: harness.PeakMemory(cmd.ProcessState), Took: took, Events: report.Events}, nil
}

package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"intercom-connector/infra/bundle"
	"intercom-connector/internal/config"
	"intercom-connector/internal/config/file"
)

// A Program is the app of the CDK with what its process gave it.
type Program struct {
	Source  string // the folder of go.mod
	Environ []string
	Stderr  io.Writer
	// Outdir and Context are those of NewApp.
	Outdir  string
	Context map[string]any
}

// Run draws the stack and returns the process's status. A mistake in the
// configuration is told in the words of `connector validate`.
func (p Program) Run(ctx context.Context) int {
	err := p.run(ctx)
	var problems file.Errors
	switch {
	case err == nil:
		return 0
	case errors.As(err, &problems):
		s := "s"
		if len(problems) == 1 {
			s = ""
		}
		fmt.Fprintf(p.Stderr, "%v\nconnector: %d problem%s in %s\n", problems, len(problems), s, problems[0].File)
	default:
		fmt.Fprintf(p.Stderr, "connector: %v\n", err)
	}
	return 1
}

func (p Program) run(ctx context.Context) error {
	app := NewApp(p.Outdir, p.Context)
	c, err := ReadContext(app)
	if err != nil {
		return err
	}
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	if err := Check(cfg, c.Stack); err != nil {
		return fmt.Errorf("%s cannot be deployed:\n%w", c.Config, err)
	}
	code, err := p.build(ctx, app, cfg, c)
	if err != nil {
		return err
	}
	_, err = Draw(p.Outdir, Settings{Config: cfg, Name: c.Stack, Prod: c.Prod, Arch: c.Arch, Code: code, NoDashboard: !c.Dashboard})
	return err
}

// load reads the configuration.
func load(path string) (*config.Config, error) {
	cfg, err := file.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: `connector init` writes one, -c config=… names another", path)
	}
	return cfg, err
}

// build builds the functions, unless the CDK's command does not want them, as
// for `cdk destroy`: then each is an empty folder.
func (p Program) build(ctx context.Context, app awscdk.App, cfg *config.Config, c Context) (map[Function]string, error) {
	code := map[Function]string{}
	if !wanted(app) {
		empty := filepath.Join(p.Source, "dist", "empty")
		if err := os.MkdirAll(empty, 0o755); err != nil { //nolint:gosec // Nothing will be in it.
			return nil, err
		}
		for _, fn := range Functions(cfg) {
			code[fn] = empty
		}
		return code, nil
	}
	var functions []string
	for _, fn := range Functions(cfg) {
		functions = append(functions, string(fn))
	}
	folders, err := bundle.Build(ctx, bundle.Options{
		Source: p.Source, Functions: functions, GOARCH: map[Arch]string{ARM64: "arm64", AMD64: "amd64"}[c.Arch], Config: cfg, Environ: p.Environ,
	})
	if err != nil {
		return nil, err
	}
	for _, fn := range Functions(cfg) {
		code[fn] = folders[string(fn)]
	}
	return code, nil
}

// wanted says whether the CDK's command is going to use the functions: it names
// the stacks whose code it needs.
func wanted(app awscdk.App) bool {
	key := "aws:cdk:bundling-stacks"
	list, told := app.Node().TryGetContext(&key).([]any)
	return !told || len(list) > 0
}

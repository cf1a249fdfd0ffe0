package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/alecthomas/kong"
)

// name is what the program calls itself.
const name = "connector"

// A Program is one call of the connector with all it has from outside.
type Program struct {
	Args   []string            // without the program's name
	Getenv func(string) string // the environment
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Terminal reports whether a person is at one of the three above; default:
	// the operating system is asked.
	Terminal func(stream any) bool

	// connect opens a deployed stack; nil: on AWS.
	connect func(ctx context.Context, flags stackFlags, getenv func(string) string) (*deployment, error)
	// browse opens a page in a browser; nil: in the user's.
	browse func(url string) error
}

// Run does what the arguments say and returns the exit status. When ctx ends, a
// run saves its position and stops.
func (p Program) Run(ctx context.Context) int {
	if p.Terminal == nil {
		p.Terminal = isTerminal
	}
	var line commandLine
	a := &app{Program: p, global: &line.global, interrupted: ctx.Done()}
	a.console = newConsole(p.Stderr, p.Terminal(p.Stderr))
	command, ended, err := line.parse(ctx, a)
	switch {
	case ended:
		return statusDone
	case err != nil:
		return a.fail(&usageError{err: err})
	}
	a.console.color = a.console.terminal && a.colorful()
	status := a.fail(command.Run())
	if a.cutShort {
		return statusInterrupted
	}
	return status
}

// An app is what every command has to work with.
type app struct {
	Program

	global  *global
	console *console

	interrupted <-chan struct{} // closed by Ctrl-C
	cutShort    bool            // by it, while somebody was asked
}

// global are the flags of all commands.
type global struct {
	Config   string `short:"c" default:"connector.yaml" placeholder:"FILE" help:"The configuration; default: connector.yaml."`
	State    string `placeholder:"DIR" help:"Where positions are remembered; default: .connector beside the configuration."`
	JSON     bool   `name:"json" help:"Print the result as JSON."`
	Quiet    bool   `short:"q" help:"Print errors only."`
	LogLevel string `enum:"off,debug,info,warn,error" default:"error" help:"What is logged to standard error: off, debug, info, warn or error."`
	NoColor  bool   `help:"No colours; so does the environment variable NO_COLOR."`
}

// A commandLine is the grammar of the program's arguments.
type commandLine struct {
	global

	ShowVersion versionFlag `name:"version" help:"Print the version."`

	Init        initCommand        `cmd:"" help:"Write a commented connector.yaml."`
	Entities    entitiesCommand    `cmd:"" help:"List what Intercom's API has."`
	Validate    validateCommand    `cmd:"" help:"Check the configuration."`
	Plan        planCommand        `cmd:"" help:"Show the requests of a run, send none."`
	Run         runCommand         `cmd:"" help:"Read subscriptions and deliver their events."`
	Peek        peekCommand        `cmd:"" help:"Show a few records and their events, deliver none."`
	Publish     publishCommand     `cmd:"" help:"Send messages to Intercom."`
	Doctor      doctorCommand      `cmd:"" help:"Find out what is wrong with access, and what to do about it."`
	Status      statusCommand      `cmd:"" help:"Show what subscriptions and publishers remember."`
	DeadLetters deadLettersCommand `cmd:"" help:"List, show, retry or drop what could not be published."`
	Pause       pauseCommand       `cmd:"" help:"Keep a publisher, and all of its client, from sending."`
	Resume      resumeCommand      `cmd:"" help:"Let them send again."`
	Token       tokenCommand       `cmd:"" help:"Give a client of a deployed stack its access token."`
	Logs        logsCommand        `cmd:"" help:"Show what the functions of a deployed stack have logged."`
	App         appCommand         `cmd:"" help:"Store the client id and the client secret of a client's OAuth app."`
	Grant       grantCommand       `cmd:"" help:"Have access to a workspace granted, by a click in the browser."`
	Demo        demoCommand        `cmd:"" help:"Read a made-up workspace and write to it, with faults and a kill; lose nothing."`
	Fake        fakeCommand        `cmd:"" help:"Serve a made-up workspace."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

const description = `Moves data out of Intercom and into it: reads any entity of a ` +
	`workspace, incrementally, and publishes messages, each exactly accounted for.`

// parse reads the arguments. It reports ended where kong has answered them
// itself, as it does --help.
func (line *commandLine) parse(ctx context.Context, a *app) (command *kong.Context, ended bool, err error) {
	type exit struct{ status int }
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			ended = true
		default:
			panic(r)
		}
	}()
	parser, err := kong.New(line,
		kong.Name(name),
		kong.Description(description),
		kong.Writers(a.Stdout, a.Stderr),
		kong.Exit(func(status int) { panic(exit{status}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(a),
	)
	if err != nil {
		return nil, false, err
	}
	if len(a.Args) == 0 {
		a.Args = []string{"--help"}
	}
	command, err = parser.Parse(a.Args)
	if err != nil {
		return nil, false, withHelp(err)
	}
	return command, false, checkStack(command)
}

// withHelp says where everything is that could have been meant.
func withHelp(err error) error {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok {
		return err
	}
	command := name
	if node := wrong.Context.Selected(); node != nil {
		command = node.FullPath()
	}
	return fmt.Errorf("%w: `%s --help` shows what there is", err, command)
}

// checkStack refuses a stack without a name, as an empty variable of a shell
// makes it: nobody who has named one means this machine.
func checkStack(command *kong.Context) error {
	for _, path := range command.Path {
		if path.Flag != nil && path.Flag.Name == "stack" && path.Flag.Target.String() == "" {
			return errors.New("--stack has no name: give it that of a deployed stack, or leave it out for this machine")
		}
	}
	return nil
}

// stateFolder is where everything is remembered.
func (a *app) stateFolder() string {
	if a.global.State != "" {
		return a.global.State
	}
	return filepath.Join(filepath.Dir(a.global.Config), ".connector")
}

func (a *app) statePath() string { return filepath.Join(a.stateFolder(), "state.db") }

func (a *app) colorful() bool {
	return !a.global.NoColor && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}

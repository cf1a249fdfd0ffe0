package cli

import (
	"regexp"
	"strings"
	"time"
)

// again is the command that goes on with a run that was stopped.
func (j *job) again(o order) string {
	args := j.commandArgs("run", o.sub.Name)
	if j.command.To != "" {
		args = append(args, "--to", j.command.To)
	}
	// Spelt out: another 48h ago would be another window.
	if !o.window.since.IsZero() {
		args = append(args, "--since", o.window.since.Format(time.RFC3339))
	}
	if !o.window.until.IsZero() {
		args = append(args, "--until", o.window.until.Format(time.RFC3339))
	}
	return commandText(append(args, j.command.args()...))
}

// commandArgs is a command of this program's that means the same configuration
// and the same state folder.
func (a *app) commandArgs(args ...string) []string {
	args = append([]string{name}, args...)
	if a.global.Config != "connector.yaml" {
		args = append(args, "--config", a.global.Config)
	}
	if a.global.State != "" {
		args = append(args, "--state", a.global.State)
	}
	return args
}

// commandText writes a command to be typed into a shell.
func commandText(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quote(arg)
	}
	return strings.Join(quoted, " ")
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// quote writes an argument as a POSIX shell reads it.
func quote(arg string) string {
	if plainArgument.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

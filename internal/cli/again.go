package cli

import (
	"regexp"
	"strings"
	"time"
)

// again is the command that goes on with a run that was stopped.
func (j *job) again(o order) string {
	args := []string{name, "run", o.sub.Name}
	if j.global.Config != "connector.yaml" {
		args = append(args, "--config", j.global.Config)
	}
	if j.global.State != "" {
		args = append(args, "--state", j.global.State)
	}
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
	for i, arg := range args {
		args[i] = quote(arg)
	}
	return strings.Join(args, " ")
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// quote writes an argument as a POSIX shell reads it.
func quote(arg string) string {
	if plainArgument.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"intercom-connector/shared/intercom"
)

// versionCommand prints what this program is.
type versionCommand struct{}

// A versionFlag is the command as a flag, which other programs have.
type versionFlag bool

// BeforeReset is called by kong where the flag is given.
func (versionFlag) BeforeReset(parser *kong.Kong, a *app) error {
	if err := (versionCommand{}).Run(a); err != nil {
		return err
	}
	parser.Exit(statusDone)
	return nil
}

// versionFacts are what a report of a bug should have.
type versionFacts struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	API      string `json:"intercom_api"`
}

// Run implements the command.
func (versionCommand) Run(a *app) error {
	facts := versionFacts{
		Version: version(), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, API: intercom.DefaultVersion,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				facts.Revision = s.Value
			case "vcs.modified":
				facts.Modified = s.Value == "true"
			}
		}
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, facts)
	}
	text := name + " " + facts.Version
	if facts.Revision != "" {
		text += " (" + facts.Revision[:min(len(facts.Revision), 12)] + ")"
	}
	_, err := fmt.Fprintf(a.Stdout, "%s, Intercom API %s, %s, %s\n", text, facts.API, facts.Go, facts.Platform)
	return err
}

// version is that of the module, "devel" for a build that has none.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

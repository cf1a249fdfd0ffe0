package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"intercom-connector/internal/config/file"
	"intercom-connector/shared/intercom"
)

// initCommand writes a first configuration.
type initCommand struct {
	Client   string   `default:"main" help:"Your name for the workspace."`
	Region   string   `placeholder:"us|eu|au" help:"Where the workspace lives; default: us."`
	Entities []string `name:"entity" short:"e" placeholder:"ENTITY" help:"What to read; may be given several times. Default: contacts, conversations, tags."`
	Start    string   `placeholder:"DATE" help:"How far back the first runs go, such as 2026-01-31; default: everything."`
	Yes      bool     `short:"y" help:"Ask nothing."`
	Force    bool     `help:"Replace the file that is there."`
}

// Run implements the command.
func (c *initCommand) Run(_ context.Context, a *app) error {
	path := a.global.Config
	if _, err := os.Lstat(path); err == nil && !c.Force {
		return usagef("%s is there already: --force replaces it, --config names another", path)
	}
	if !c.Yes && a.interactive() {
		if err := c.ask(a.dialogue()); err != nil {
			return &statusError{statusInterrupted}
		}
	}
	text, err := c.text()
	if err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s is there already: --force replaces it", path)
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = f.WriteString(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	variable, set := a.tokenVariable(cfg, c.Client)
	a.note("wrote %s", path)
	if !set {
		a.note("next: set %s to the access token of your app (Intercom's Developer Hub, Configure > Authentication)", variable)
	}
	a.note("then: %s validate, %s peek NAME, %s run NAME", name, name, name)
	return nil
}

// ask asks for what no flag has said.
func (c *initCommand) ask(d *dialogue) error {
	var err error
	if c.Region == "" {
		if c.Region, err = d.ask("Where does your workspace live ("+list(intercom.Regions(), "or")+")?", "us"); err != nil {
			return err
		}
	}
	if len(c.Entities) == 0 {
		answer, err := d.ask("What do you want to read (`connector entities` lists all)?", strings.Join(defaultEntities, ", "))
		if err != nil {
			return err
		}
		c.Entities = strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if c.Start == "" {
		answer, err := d.ask("How far back should the first run go (a date, or everything)?", "everything")
		if err != nil {
			return err
		}
		if answer != "everything" {
			c.Start = answer
		}
	}
	return nil
}

var defaultEntities = []string{"contacts", "conversations", "tags"}

// text is the configuration. It has been checked.
func (c *initCommand) text() (string, error) {
	if c.Region == "" {
		c.Region = "us"
	}
	if !slices.Contains(intercom.Regions(), c.Region) {
		return "", usagef("region is %s, not %q", list(intercom.Regions(), "or"), c.Region)
	}
	entities := c.Entities
	if len(entities) == 0 {
		entities = defaultEntities
	}
	var b strings.Builder
	fmt.Fprintf(&b, configHead, c.Client, c.Region)
	names := map[string]bool{}
	for _, entity := range entities {
		section, err := c.subscription(strings.Trim(entity, "/"), names)
		if err != nil {
			return "", err
		}
		b.WriteString(section)
	}
	text := b.String()
	if _, err := file.Parse("connector.yaml", []byte(text)); err != nil {
		return "", usagef("that would not be a valid configuration: %s", firstOf(err))
	}
	return text, nil
}

// firstOf is the first problem of a configuration, without its place.
func firstOf(err error) string {
	var problems file.Errors
	if errors.As(err, &problems) && len(problems) > 0 {
		return problems[0].Message
	}
	return err.Error()
}

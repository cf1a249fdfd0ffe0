package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"intercom-connector/shared/intercom"
)

// The parts of the reference, in the order in which people need them.
var parts = []struct{ title, definition, intro string }{
	{"The file", "", ""},
	{"A client", "Client", ""},
	{"auth", "Auth", "In the place of the mapping can stand the word `access_token` or `oauth`."},
	{"A subscription", "Subscription", ""},
	{"resweep", "Resweep", ""},
	{"to and responses", "Destination", ""},
	{"A publisher", "Publisher", ""},
	{"stack", "Stack", ""},
	{"network", "Network", ""},
}

// general is what no single field is about.
const general = `<!-- Generated from internal/config/file by tools/schema: make generate. -->
# connector.yaml

What a user decides is in one file, by default connector.yaml in the current
folder. It is YAML, checked as a whole before anything is done with it:
` + "`connector validate`" + ` lists every problem with its place. A field that is not
listed here is an error. Anchors, aliases and merges (` + "`<<`" + `) work. The file may
have 1 MiB.

An editor that knows JSON Schema completes and checks it:

    # yaml-language-server: $schema=docs/connector.schema.json

**Names** of clients, subscriptions and publishers are a lower-case letter, then
up to 47 lower-case letters, digits and dashes.

**Durations** are written ` + "`90s`, `10m`, `1h30m` or `2d`" + `; a day is 24 hours.

**Schedules** are those of
[EventBridge Scheduler](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html):
` + "`rate(5 minutes)`, `at(2026-01-02T03:04:05)`" + ` or
` + "`cron(minute hour day-of-month month day-of-week year)`" + `. A firing that falls
into the hour that the clocks skip does not happen; in the hour that they repeat
it happens the first time only.

**Entities** are paths of [Intercom's API](https://developers.intercom.com/docs/references/rest-api/api.intercom.io/)
without the leading slash; ` + "`connector entities`" + ` lists them. The short form leaves
the parameters out: where it fits several requests, the number of values under
` + "`path`" + ` decides, and without any it is the request that needs none.

**Programs** are [jq](https://jqlang.org/manual/), as
[gojq](https://github.com/itchyny/gojq) understands it.

**Tokens** are never in the file. On a laptop the token of client ` + "`main`" + ` comes
from the environment variable ` + "`INTERCOM_TOKEN_MAIN`" + `, or from
` + "`INTERCOM_TOKEN`" + ` where there is one client only.
`

// reference writes the schema as a page for people.
func reference(s *jsonschema.Schema) []byte {
	var b bytes.Buffer
	b.WriteString(general)
	for _, part := range parts {
		definition := s
		if part.definition != "" {
			definition = s.Definitions[part.definition]
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", part.title, definition.Description)
		if part.intro != "" {
			fmt.Fprintf(&b, "%s\n", part.intro)
		}
		for _, one := range definition.OneOf {
			if one.Properties != nil {
				definition = one
			}
		}
		b.WriteString("\n| field | takes | |\n|---|---|---|\n")
		for pair := definition.Properties.Oldest(); pair != nil; pair = pair.Next() {
			name := "`" + pair.Key + "`"
			if slices.Contains(definition.Required, pair.Key) {
				name += " (required)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, takes(pair.Value), describe(pair.Value))
		}
	}
	b.WriteString("\n## What can be read incrementally\n\n| entity | what an incremental read of it cannot see |\n|---|---|\n")
	for _, inc := range intercom.Incrementals() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", inc.Entity, inc.Blind)
	}
	b.WriteString("\nEverything else is read in full on every run.\n")
	return b.Bytes()
}

// describe is a field's description with its examples.
func describe(s *jsonschema.Schema) string {
	text := s.Description
	if len(s.Examples) > 0 {
		text += " Example: " + code(s.Examples) + "."
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

// code lists values as they are written in the file.
func code(values []any) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = "`" + fmt.Sprint(value) + "`"
	}
	return strings.Join(words, ", ")
}

// takes says in a few words what a field's value is.
func takes(s *jsonschema.Schema) string {
	switch {
	case s.Ref != "":
		switch name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]; name {
		case "Auth":
			return "a word or a mapping"
		case "Resweep":
			return "`off` or a mapping"
		default:
			return "a mapping"
		}
	case len(s.Enum) > 0:
		return code(s.Enum)
	case s.Type == "boolean":
		return "true or false"
	case s.Type == "object":
		return "a mapping"
	case s.Type == "array":
		return "a list"
	default:
		return "text"
	}
}

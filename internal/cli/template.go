package cli

import (
	"fmt"
	"regexp"
	"strings"

	"intercom-connector/shared/intercom"
)

// configHead is what every new configuration begins with: the client's name and
// region go in.
const configHead = `# What to read from Intercom, and where it goes.
# ` + "`connector validate`" + ` checks this file, ` + "`connector entities`" + ` lists what can be read.

clients:
  %s:
    region: %s                 # us, eu or au: where the workspace lives
    auth: access_token         # from the environment, never from this file
    # workspace: ab12cd34      # refuse the token of any other workspace
    # timezone: Europe/Amsterdam  # used where the token may not ask for the workspace's
    # log_requests: headers    # off, headers, or bodies with their values masked

subscriptions:
`

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// subscription is the section of one entity. names has those that are taken.
func (c *initCommand) subscription(entity string, names map[string]bool) (string, error) {
	inc, incErr := intercom.FindIncremental(entity, -1)
	op := inc.Operation
	if incErr != nil {
		var err error
		if op, err = intercom.Find("", entity, -1); err != nil {
			return "", &usageError{err}
		}
	}
	var b strings.Builder
	documented := op.Entity()
	if incErr == nil {
		documented = inc.Entity
	}
	line := func(text, comment string) {
		if comment != "" {
			text = fmt.Sprintf("%-34s # %s", text, comment)
		}
		b.WriteString("    " + text + "\n")
	}
	fmt.Fprintf(&b, "  %s:\n", nameFor(documented, names))
	line("client: "+c.Client, "")
	line("entity: "+documented, op.Docs)
	if incErr == nil {
		line("sync: incremental", "only what changed since the last run")
		if c.Start != "" {
			line("start: "+c.Start, "how far back the first run goes")
		} else {
			line("# start: 2026-01-01", "how far back the first run goes; now: everything")
		}
		if inc.Blind != "" {
			line("# "+inc.Blind, "")
		}
	} else if op.Paging != intercom.NoPaging {
		line("paginate: true", "every page, not only the first")
	}
	c.parameters(line, op, incErr == nil)
	if op.SideEffect != "" {
		line("side_effects: allow", "reading it "+op.SideEffect)
	}
	line("# schedule: rate(15 minutes)", "when it runs on AWS; none: by hand only")
	line("# record_transform: '{id, type}'", "a jq program; none: the record as served")
	line("to: {type: file, path: "+strings.TrimSuffix(nameFor(documented, map[string]bool{}), "-")+".ndjson}", "or sqs, s3, eventbridge")
	b.WriteByte('\n')
	return b.String(), nil
}

// parameters leaves a place for what the request needs and only its user knows.
func (c *initCommand) parameters(line func(text, comment string), op *intercom.Operation, incremental bool) {
	var programs []string
	if params := op.Params(); len(params) > 0 {
		var open []string
		for _, p := range params {
			open = append(open, p+": ")
			programs = append(programs, fmt.Sprintf(".path.%s = .input.%s", p, p))
		}
		line("path: {"+strings.Join(open, ", ")+"}", "a value, or none for one that request_transform fills in")
	}
	if !incremental {
		for _, q := range op.Query {
			if q.Required {
				programs = append(programs, fmt.Sprintf(".query.%s = .input.%s", q.Name, q.Name))
			}
		}
		if op.Body == intercom.RequiredBody {
			programs = append(programs, ".payload = .input.payload")
		}
	}
	if len(programs) > 0 {
		line("request_transform: '"+strings.Join(programs, " | ")+"'", "jq; .input is what run --input gives")
	}
}

// nameFor makes a name out of an entity: contacts/{contact_id}/notes is
// contacts-notes.
func nameFor(entity string, taken map[string]bool) string {
	var kept []string
	for segment := range strings.SplitSeq(entity, "/") {
		if !strings.HasPrefix(segment, "{") {
			kept = append(kept, segment)
		}
	}
	base := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(strings.Join(kept, "-")), "-"), "-")
	base = strings.Trim(base[:min(len(base), 44)], "-")
	name := base
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	taken[name] = true
	return name
}

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/publish"
)

// deadLettersCommand works on the messages that could not be published.
type deadLettersCommand struct {
	List  listLettersCommand  `cmd:"" help:"List them, the oldest first."`
	Show  showLetterCommand   `cmd:"" help:"Show one with its message."`
	Retry retryLettersCommand `cmd:"" help:"Send them again, under their ids."`
	Drop  dropLettersCommand  `cmd:"" help:"Forget them."`
}

// A listedLetter is a dead letter without its message.
type listedLetter struct {
	Key       string          `json:"key"`
	Publisher string          `json:"publisher"`
	ID        string          `json:"id"` // of the message
	Group     string          `json:"group,omitempty"`
	Outcome   publish.Outcome `json:"outcome"`
	Reason    string          `json:"reason"`
	Status    int             `json:"status,omitempty"`
	Code      string          `json:"code,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Line      int             `json:"line,omitempty"`
	Bytes     int             `json:"bytes"` // of the message
	Time      time.Time       `json:"time"`
}

func listed(l *letters.Letter) listedLetter {
	return listedLetter{
		Key: l.Key, Publisher: l.Publisher, ID: l.ID, Group: l.Group, Outcome: l.Outcome, Reason: l.Reason,
		Status: l.Status, Code: l.Code, RequestID: l.RequestID, Line: l.Line, Bytes: len(l.Body), Time: l.Time,
	}
}

// allLetters returns the dead letters of a publisher, of all for "", without
// their messages, in the order in which they arose.
func allLetters(ctx context.Context, box *letters.Box, publisher string) ([]listedLetter, error) {
	all := []listedLetter{}
	for l, err := range box.List(ctx, publisher) {
		if err != nil {
			return nil, err
		}
		all = append(all, listed(&l))
	}
	slices.SortStableFunc(all, func(a, b listedLetter) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Line, b.Line))
	})
	return all, nil
}

// listLettersCommand lists dead letters.
type listLettersCommand struct {
	Publisher string `arg:"" optional:"" help:"Only those of one publisher."`
}

// Run implements the command.
func (c *listLettersCommand) Run(ctx context.Context, a *app) error {
	store, _, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	all, err := allLetters(ctx, letters.New(store), c.Publisher)
	if err != nil {
		return err
	}
	if len(all) == 0 && c.Publisher != "" {
		if err := a.checkPublisher(c.Publisher); err != nil {
			return err
		}
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, all)
	}
	if len(all) == 0 {
		a.note("there are no dead letters")
		return nil
	}
	rows := [][]string{{"KEY", "PUBLISHER", "WHEN", "LINE", "MESSAGE", "OUTCOME", "REASON"}}
	for i := range all {
		l := &all[i]
		line := "-"
		if l.Line > 0 {
			line = fmt.Sprint(l.Line)
		}
		rows = append(rows, []string{
			l.Key, l.Publisher, moment(l.Time), line, cut(oneLine(l.ID), longestShownID), string(l.Outcome), oneLine(l.Reason),
		})
	}
	return table(a.Stdout, rows)
}

const longestShownID = 40 // characters

// checkPublisher tells a publisher without dead letters from a misspelt one.
func (a *app) checkPublisher(name string) error {
	cfg, _, err := a.load()
	if err != nil {
		return err
	}
	_, err = publisher(cfg, name)
	return err
}

// showLetterCommand shows one dead letter.
type showLetterCommand struct {
	ID string `arg:"" help:"The key that list shows, its beginning, or the id of the message."`
}

// Run implements the command.
func (c *showLetterCommand) Run(ctx context.Context, a *app) error {
	store, _, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	l, err := findLetter(ctx, letters.New(store), c.ID)
	if err != nil {
		return err
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, shownLetter(&l))
	}
	return writeLetter(a.Stdout, &l)
}

// findLetter is Find, whose errors are about what was asked for.
func findLetter(ctx context.Context, box *letters.Box, id string) (letters.Letter, error) {
	l, err := box.Find(ctx, id)
	if _, ambiguous := errors.AsType[*letters.AmbiguousError](err); ambiguous || errors.Is(err, letters.ErrNone) {
		return l, &usageError{err}
	}
	return l, err
}

// A letterWithMessage is all there is to know of a dead letter.
type letterWithMessage struct {
	listedLetter

	Message json.RawMessage `json:"message,omitempty"`
	Base64  []byte          `json:"message_base64,omitempty"` // of what is not JSON
}

func shownLetter(l *letters.Letter) letterWithMessage {
	shown := letterWithMessage{listedLetter: listed(l)}
	if json.Valid(l.Body) {
		shown.Message = l.Body
	} else {
		shown.Base64 = l.Body
	}
	return shown
}

func writeLetter(w io.Writer, l *letters.Letter) error {
	var rows [][]string
	row := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{key, oneLine(value)})
		}
	}
	row("key", l.Key)
	row("publisher", l.Publisher)
	row("message", l.ID)
	row("group", l.Group)
	row("outcome", string(l.Outcome))
	row("reason", l.Reason)
	if l.Status > 0 {
		row("status", strings.TrimSpace(fmt.Sprintf("%d %s", l.Status, l.Code)))
	}
	row("request", l.RequestID)
	if l.Line > 0 {
		row("line", fmt.Sprint(l.Line))
	}
	row("when", moment(l.Time))
	var b strings.Builder
	_ = table(&b, rows) // a Builder takes everything
	switch {
	case len(l.Body) == 0:
		b.WriteString("\nthe message itself was not kept\n")
	case json.Valid(l.Body):
		b.WriteString("\n" + pretty(l.Body, "") + "\n")
	default:
		b.WriteString("\n" + strings.TrimSpace(mapLines(string(l.Body))) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mapLines is oneLine for each line of a text.
func mapLines(text string) string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		all = append(all, oneLine(line))
	}
	return strings.Join(all, "\n")
}

// A choice says which dead letters are meant.
type choice struct {
	IDs       []string `arg:"" optional:"" name:"id" help:"Keys that list shows, their beginnings, or ids of messages."`
	All       bool     `help:"All of them."`
	Reason    string   `placeholder:"WORDS" help:"All whose reason has these words, in any case."`
	Publisher string   `placeholder:"NAME" help:"With --all and --reason: only those of one publisher."`
}

// letters returns what is meant, in the order in which it arose.
func (c *choice) letters(ctx context.Context, box *letters.Box) ([]listedLetter, error) {
	ways := 0
	for _, way := range []bool{len(c.IDs) > 0, c.All, c.Reason != ""} {
		if way {
			ways++
		}
	}
	switch {
	case ways == 0:
		return nil, usagef("say which: their ids, --reason WORDS, or --all")
	case ways > 1:
		return nil, usagef("give ids, --reason or --all, not several of them")
	case len(c.IDs) > 0:
		if c.Publisher != "" {
			return nil, usagef("--publisher is for --all and --reason: an id is of one publisher anyway")
		}
		return c.byID(ctx, box)
	}
	all, err := allLetters(ctx, box, c.Publisher)
	if err != nil {
		return nil, err
	}
	words := strings.ToLower(c.Reason)
	return slices.DeleteFunc(all, func(l listedLetter) bool {
		return !strings.Contains(strings.ToLower(l.Reason), words)
	}), nil
}

func (c *choice) byID(ctx context.Context, box *letters.Box) ([]listedLetter, error) {
	var chosen []listedLetter
	for _, id := range c.IDs {
		l, err := findLetter(ctx, box, id)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(chosen, func(c listedLetter) bool { return c.Key == l.Key }) {
			chosen = append(chosen, listed(&l))
		}
	}
	return chosen, nil
}

// dropLettersCommand forgets dead letters.
type dropLettersCommand struct {
	choice

	Yes bool `short:"y" help:"Do not ask."`
}

// Run implements the command.
func (c *dropLettersCommand) Run(ctx context.Context, a *app) error {
	store, err := sqlitestate.Open(ctx, a.statePath())
	if err != nil {
		return err
	}
	defer store.Close()
	box := letters.New(store)
	chosen, err := c.letters(ctx, box)
	if err != nil {
		return err
	}
	if len(chosen) > 0 && len(c.IDs) == 0 && !c.Yes && a.interactive() &&
		!a.dialogue().confirm("Forget "+count(int64(len(chosen)), "dead letter")+" for good?") {
		return &statusError{statusUsage}
	}
	var dropped int64
	for _, one := range chosen {
		l, err := box.Get(ctx, one.Key)
		if errors.Is(err, letters.ErrNone) {
			continue
		}
		if err != nil {
			return err
		}
		ok, err := box.Drop(ctx, l)
		if err != nil {
			return err
		}
		if ok {
			dropped++
		}
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, map[string]int64{"dropped": dropped})
	}
	if a.global.Quiet {
		return nil
	}
	_, err = fmt.Fprintf(a.Stdout, "dropped %s\n", count(dropped, "dead letter"))
	return err
}

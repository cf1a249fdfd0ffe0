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

	// Of a stack's only.
	MessageID string `json:"message_id,omitempty"` // SQS's, of the message that died
	Claim     string `json:"claim,omitempty"`      // where the message lies that was too large for the queue
	Copies    int    `json:"copies,omitempty"`     // how often it lies in the queue, where that is more than once
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
	stackFlags

	Publisher string `arg:"" optional:"" help:"Only those of one publisher."`
}

// Run implements the command.
func (c *listLettersCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.deployed() {
		return c.listOnStack(ctx, a)
	}
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
	return a.writeLetters(all)
}

// writeLetters prints dead letters as a table or as JSON.
func (a *app) writeLetters(all []listedLetter) error {
	if a.global.JSON {
		return writeJSON(a.Stdout, append([]listedLetter{}, all...))
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
	stackFlags

	ID string `arg:"" help:"The key that list shows, its beginning, or the id of the message."`
}

// Run implements the command.
func (c *showLetterCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.deployed() {
		return c.showOnStack(ctx, a)
	}
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
		return writeJSON(a.Stdout, shownLetter(listed(&l), l.Body))
	}
	return writeLetter(a.Stdout, listed(&l), l.Body)
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

func shownLetter(l listedLetter, body []byte) letterWithMessage {
	shown := letterWithMessage{listedLetter: l}
	if json.Valid(body) {
		shown.Message = body
	} else {
		shown.Base64 = body
	}
	return shown
}

func writeLetter(w io.Writer, l listedLetter, body []byte) error {
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
	if l.MessageID != "" && l.MessageID != l.ID {
		row("in SQS", l.MessageID)
	}
	if l.Copies > 1 {
		row("copies", fmt.Sprint(l.Copies))
	}
	var b strings.Builder
	_ = table(&b, rows) // a Builder takes everything
	switch {
	case l.Claim != "":
		b.WriteString("\nthe message is too large for a queue: aws s3 cp " + quote(oneLine(l.Claim)) + " -\n")
	case len(body) == 0:
		b.WriteString("\nthe message itself was not kept\n")
	case json.Valid(body):
		b.WriteString("\n" + pretty(body, "") + "\n")
	default:
		b.WriteString("\n" + strings.TrimSpace(mapLines(string(body))) + "\n")
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

// check refuses what says nothing, or too much.
func (c *choice) check() error {
	ways := 0
	for _, way := range []bool{len(c.IDs) > 0, c.All, c.Reason != ""} {
		if way {
			ways++
		}
	}
	switch {
	case ways == 0:
		return usagef("say which: their ids, --reason WORDS, or --all")
	case ways > 1:
		return usagef("give ids, --reason or --all, not several of them; --publisher NAME limits the other two to one publisher")
	case len(c.IDs) > 0 && c.Publisher != "":
		return usagef("--publisher is for --all and --reason: an id is of one publisher anyway")
	default:
		return nil
	}
}

// letters returns what is meant, in the order in which it arose.
func (c *choice) letters(ctx context.Context, box *letters.Box) ([]listedLetter, error) {
	if len(c.IDs) > 0 {
		return c.byID(ctx, box)
	}
	all, err := allLetters(ctx, box, c.Publisher)
	return c.withReason(all), err
}

// withReason returns those of all that have the words of --reason in theirs.
func (c *choice) withReason(all []listedLetter) []listedLetter {
	words := strings.ToLower(c.Reason)
	return slices.DeleteFunc(all, func(l listedLetter) bool {
		return !strings.Contains(strings.ToLower(l.Reason), words)
	})
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
	stackFlags
	choice

	Yes bool `short:"y" help:"Do not ask."`
}

// Run implements the command.
func (c *dropLettersCommand) Run(ctx context.Context, a *app) error {
	if err := cmp.Or(c.choice.check(), c.stackFlags.check()); err != nil {
		return err
	}
	if c.deployed() {
		return c.dropOnStack(ctx, a)
	}
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
	if !c.confirm(a, len(chosen)) {
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
	return a.tellDropped(dropped)
}

// confirm asks before letters are forgotten that nobody has named.
func (c *dropLettersCommand) confirm(a *app, n int) bool {
	return n == 0 || len(c.IDs) > 0 || c.Yes || !a.interactive() ||
		a.dialogue().confirm("Forget "+count(int64(n), "dead letter")+" for good?")
}

func (a *app) tellDropped(dropped int64) error {
	if a.global.JSON {
		return writeJSON(a.Stdout, map[string]int64{"dropped": dropped})
	}
	if a.global.Quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.Stdout, "dropped %s\n", count(dropped, "dead letter"))
	return err
}

// Command latency serves a fake workspace as far away as Intercom is, with a
// rate limit as Intercom has: the other side of the measurements of first and
// later incremental reads, and of publishing.
//
// The command `touch N` changes every Nth contact now, `messages PATH CONTACTS
// EACH` writes a file of updates, and `audit` tells what came of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"intercom-connector/bench/internal/serve"
	"intercom-connector/bench/internal/updates"
	"intercom-connector/shared/intercom/intercomtest"
)

func main() {
	contacts := flag.Int("contacts", 100_000, "how many contacts there are")
	size := flag.Int("size", 2_000, "bytes of a contact")
	span := flag.Duration("span", 60*24*time.Hour, "over how long the contacts' times spread")
	ago := flag.Duration("ago", 0, "how long ago the last contact was made or changed")
	latency := flag.Duration("latency", 100*time.Millisecond, "of each answer")
	limit := flag.Int("limit", 1_667, "requests in 10 seconds")
	flag.Parse()

	ws := intercomtest.New(intercomtest.Config{
		Contacts:   *contacts,
		RecordSize: *size,
		Span:       *span,
		End:        time.Now().Add(-*ago),
		Latency:    *latency,
		Limit:      *limit,
		Window:     10 * time.Second,
	})
	commands := map[string]serve.Command{
		"touch":    func(args []string) (any, error) { return touch(ws, args) },
		"messages": updates.CreateCommand(func(i int) string { return ws.ID(intercomtest.Contacts, i) }),
		"audit":    func([]string) (any, error) { return updates.Look(ws.Writes()), nil },
	}
	if err := serve.Run(context.Background(), ws, commands, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

// touch changes every nth contact and returns how many these are.
func touch(ws *intercomtest.Workspace, args []string) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("touch takes one number, got %d", len(args))
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 {
		return nil, fmt.Errorf("touch every %qth contact", args[0])
	}
	var ids []string
	for i := 0; i < ws.Len(intercomtest.Contacts); i += n {
		ids = append(ids, ws.ID(intercomtest.Contacts, i))
	}
	ws.Touch(intercomtest.Contacts, ids...)
	return len(ids), nil
}

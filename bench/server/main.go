// Command server serves pages of contacts, and takes updates of them, at as
// little cost as possible: the other side of the measurements of throughput.
//
// The command `messages PATH CONTACTS EACH` writes a file of updates, and
// `audit` tells what came of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"intercom-connector/bench/internal/pages"
	"intercom-connector/bench/internal/serve"
	"intercom-connector/bench/internal/updates"
)

func main() {
	contacts := flag.Int("contacts", 100_000, "how many contacts there are")
	span := flag.Duration("span", 60*24*time.Hour, "over how long their changes spread")
	flag.Parse()
	handler := pages.New(pages.Config{Contacts: *contacts, Newest: time.Now(), Span: *span})
	commands := map[string]serve.Command{
		"messages": updates.CreateCommand(pages.ID),
		"audit": func([]string) (any, error) {
			total, different := handler.Updates()
			return updates.Audit{Writes: total, Contacts: different, Messages: different}, nil
		},
	}
	if err := serve.Run(context.Background(), handler, commands, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

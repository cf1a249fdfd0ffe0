// Command server serves pages of contacts at as little cost as possible: the
// other side of the measurements of throughput.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"intercom-connector/bench/internal/pages"
	"intercom-connector/bench/internal/serve"
)

func main() {
	contacts := flag.Int("contacts", 100_000, "how many contacts there are")
	span := flag.Duration("span", 60*24*time.Hour, "over how long their changes spread")
	flag.Parse()
	handler := pages.New(pages.Config{Contacts: *contacts, Newest: time.Now(), Span: *span})
	if err := serve.Run(context.Background(), handler, nil, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

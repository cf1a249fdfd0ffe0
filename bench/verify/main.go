// Command verify counts the events of a file and the different records in
// them. It is a process of its own because a child's peak memory, as the
// system tells it, begins with its parent's: who measures must stay small.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"intercom-connector/bench/internal/events"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the name of one file, got %d", len(args))
	}
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	count, err := events.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return json.NewEncoder(os.Stdout).Encode(count)
}

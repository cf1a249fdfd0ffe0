package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"intercom-connector/bench/internal/events"
)

// A connection is a connector with its configuration and its state, pointed at
// one server.
type connection struct {
	bench  *bench
	dir    string
	config string
	runs   int
}

// connect writes a configuration for the server at url: a subscription that
// reads its contacts by the given sync, full or incremental.
func (b *bench) connect(url, sync string) (*connection, error) {
	text := "subscriptions:\n  contacts:\n    client: main\n    entity: contacts\n    sync: " + sync + "\n"
	if sync == "full" {
		text += "    paginate: true\n"
	}
	text += "    to: {type: file, path: unused.ndjson}\n"
	return b.configure(url, text)
}

// connectPublisher writes a configuration for the server at url: a publisher
// that updates its contacts.
func (b *bench) connectPublisher(url string) (*connection, error) {
	return b.configure(url, "publishers:\n  update-contact:\n    client: main\n    method: PUT\n    entity: contacts/{contact_id}\n")
}

// configure writes a configuration with a client for the server at url, and text.
func (b *bench) configure(url, text string) (*connection, error) {
	dir, err := os.MkdirTemp(b.scratch, "connector-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the connector: %w", err)
	}
	c := &connection{bench: b, dir: dir, config: filepath.Join(dir, "connector.yaml")}
	text = "clients:\n  main:\n    base_uri: " + url + "\n    auth: access_token\n" + text
	if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return c, nil
}

// run runs the subscription once, as a user would, and counts what it wrote.
func (c *connection) run(ctx context.Context) (Usage, events.Count, error) {
	c.runs++
	out := filepath.Join(c.dir, strconv.Itoa(c.runs)+".ndjson")
	defer os.Remove(out)
	usage, report, err := c.measure(ctx, "run", "contacts", "--to", "file:"+out)
	if err != nil {
		return usage, events.Count{}, err
	}
	count, err := c.bench.verify(ctx, out)
	if err != nil {
		return usage, count, fmt.Errorf("%w\nthe connector said: %s", err, tail(report))
	}
	return usage, count, nil
}

// publish publishes a file of messages, as a user would, and returns what it
// cost and what the connector said.
func (c *connection) publish(ctx context.Context, file string) (Usage, []byte, error) {
	return c.measure(ctx, "publish", "update-contact", file)
}

// measure runs a command of the connector with its configuration and state.
func (c *connection) measure(ctx context.Context, args ...string) (Usage, []byte, error) {
	args = append(args, "--config", c.config, "--state", filepath.Join(c.dir, "state"), "--json")
	cmd := exec.CommandContext(ctx, c.bench.program("connector"), args...)
	cmd.Env = append(cmd.Environ(), "INTERCOM_TOKEN=bench-token")
	cmd.Dir = c.dir
	return measure(cmd)
}

// close removes what the connector left.
func (c *connection) close() { _ = os.RemoveAll(c.dir) } // the scratch folder goes at the end anyway

// verify counts the events of a file.
func (b *bench) verify(ctx context.Context, file string) (events.Count, error) {
	var count events.Count
	_, out, err := measure(exec.CommandContext(ctx, b.program("verify"), file))
	if err != nil {
		return count, err
	}
	return count, json.Unmarshal(out, &count)
}

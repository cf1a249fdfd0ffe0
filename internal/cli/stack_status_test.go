package cli_test

import (
	"encoding/json"
	"testing"
	"time"

	"intercom-connector/internal/cli"
	"intercom-connector/internal/pause"
)

// stackConfig is what the stacks of the tests are deployed from.
const stackConfig = `
clients:
  main: {region: eu, auth: access_token}
subscriptions:
  contacts: {client: main, entity: contacts, sync: incremental, to: {type: s3}}
  tags: {client: main, entity: tags, to: {type: sqs}}
publishers:
  note: {client: main, method: POST, entity: "companies/{company_id}/notes"}
  update: {client: main, method: PUT, entity: "contacts/{contact_id}", fifo: true}
`

// stackQueues are the queues of that.
var stackQueues = []string{
	"shop_main_note_messages", "shop_main_note_dead",
	"shop_main_update_messages.fifo", "shop_main_update_dead.fifo",
	"shop_main_tags_events",
}

func newStack(t *testing.T) (*cli.FakeStack, call, string) {
	t.Helper()
	s := cli.NewFakeStack("shop", stackQueues...)
	return s, call{stack: s}, write(t, stackConfig)
}

func remember(t *testing.T, s *cli.FakeStack, key, value string) {
	t.Helper()
	if _, err := s.State.Create(t.Context(), key, []byte(value), time.Time{}); err != nil {
		t.Fatal(err)
	}
}

func TestStackStatus(t *testing.T) {
	t.Parallel()
	s, c, config := newStack(t)
	remember(t, s, "checkpoint/ws/contacts", `{"subscription":"contacts","client":"main","workspace":"ws","watermark":1700000000,
		"last":{"subscription":"contacts","run":"r1","outcome":"done","records":12,"finished":"2026-01-31T00:00:00Z"}}`)
	remember(t, s, "watch/failed/tags", `{"time":"2026-01-31T00:00:00Z","error":"client main has no token yet"}`)
	remember(t, s, "watch/failed/contacts", `{"time":"2026-01-30T00:00:00Z","error":"mended since"}`)
	s.Put("shop_main_note_messages", "", "{}", nil)
	s.Hide("shop_main_note_messages", s.Put("shop_main_note_messages", "", "{}", nil))
	s.Put("shop_main_update_dead.fifo", "g", "{}", nil)
	if err := pause.Begin(t.Context(), &s.State, "main", "token revoked", ""); err != nil {
		t.Fatal(err)
	}

	got := c.run(t.Context(), t, "status", "--stack", "shop", "--config", config)
	if got.status != 0 {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	want(t, got.stdout, "contacts      done", "2023-11-14 22:13:20Z", "tags          failed", "\ntags: failed: client main has no token yet\n",
		"PUBLISHER  CLIENT  QUEUE                   DEAD LETTERS  STATE",
		"note       main    1 waiting, 1 in flight  0             paused: token revoked",
		"update     main    0 waiting               1             paused: token revoked")

	got = c.run(t.Context(), t, "status", "--stack", "shop", "--json", "--config", config)
	var all []struct {
		Subscription, Publisher string
		Queue                   *struct{ Visible, InFlight int64 }
		DeadLetters             struct {
			Letters int64
			Unknown *int64
		} `json:"dead_letters"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || all[0].Subscription != "contacts" || all[3].Publisher != "update" {
		t.Fatalf("got %+v", all)
	}
	if update := all[3]; update.Queue == nil || update.DeadLetters.Letters != 1 || update.DeadLetters.Unknown != nil {
		t.Errorf("got %+v", update)
	}
}

// What is configured and what is deployed need not be the same.
func TestStackStatusOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	_, c, _ := newStack(t)
	config := write(t, `
clients:
  main: {region: eu, auth: access_token}
publishers:
  note: {client: main, method: POST, entity: "companies/{company_id}/notes", fifo: true}
`)
	got := c.run(t.Context(), t, "status", "--stack", "shop", "--config", config)
	want(t, got.stdout,
		"note       main    -          0             not deployed",
		"note       main    0 waiting  0             not configured any more",
		"update     main    0 waiting  0             not configured any more")
}

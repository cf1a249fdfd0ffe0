package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStackValidate(t *testing.T) {
	t.Parallel()
	const (
		noteLine   = `  note: {client: main, method: POST, entity: "companies/{company_id}/notes"}` + "\n"
		updateLine = `  update: {client: main, method: PUT, entity: "contacts/{contact_id}", fifo: true}` + "\n"
	)
	for _, tt := range []struct {
		name     string
		old, now string   // of the configuration
		full     []string // queues that have a message
		hidden   []string // queues that have one in flight
		status   int
		stdout   []string
		stderr   []string
	}{
		{"the same", "", "", stackQueues, stackQueues, 0, []string{"ok\n"}, nil},
		{"dropped, empty", noteLine, "", nil, nil, 0, []string{"ok\n", "publisher note is dropped: its queues are empty"}, nil},
		{
			"dropped, messages", noteLine, "",
			[]string{noteQueue},
			[]string{noteQueue},
			2,
			[]string{"must not be deployed to stack shop: messages would be lost"},
			[]string{"publisher note is dropped, but " + noteQueue + " has 1 waiting, 1 in flight: leave it as it is until its messages are published (`connector status"},
		},
		{
			"dropped, dead letters in flight", noteLine, "",
			nil,
			[]string{noteDead},
			2, nil,
			[]string{noteDead + " has 0 waiting, 1 in flight: retry its dead letters or drop them (`connector dead-letters list note"},
		},
		{
			"renamed", "  note:", "  remark:",
			[]string{noteQueue, noteDead},
			nil, 2, nil,
			[]string{"publisher note is dropped, or renamed to remark, but shop_main_note_dead has 1 waiting and shop_main_note_messages has 1 waiting"},
		},
		{
			"switched to FIFO", `notes"}`, `notes", fifo: true}`,
			[]string{noteQueue},
			nil, 2, nil,
			[]string{"publisher note switches to FIFO, but"},
		},
		{
			"switched from FIFO", ", fifo: true", "",
			[]string{updateQueue},
			nil, 2, nil,
			[]string{"publisher update switches from FIFO to standard, but"},
		},
		{"not enabled", `notes"}`, `notes", enabled: false}`, []string{noteQueue}, nil, 0, []string{"ok\n"}, nil},
		{
			"another destination", "to: {type: sqs}", "to: {type: s3}",
			[]string{"shop_main_tags_events"},
			nil, 0,
			[]string{"subscription tags does not deliver to the queue shop_main_tags_events any more, which has 1 waiting"},
			nil,
		},
		{
			"subscription dropped", "  contacts:", "  people:",
			nil, nil, 0,
			[]string{"subscription contacts is dropped: its position is kept (it has read what changed up to 2023-11-14 22:13:20Z)"},
			nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c, _ := newStack(t)
			remember(t, s, "checkpoint/ws/contacts", `{"subscription":"contacts","client":"main","workspace":"ws","watermark":1700000000}`)
			for _, q := range tt.full {
				s.Put(q, "g", "{}", nil)
			}
			for _, q := range tt.hidden {
				s.Hide(q, s.Put(q, "g", "{}", nil))
			}
			if !strings.Contains(stackConfig, tt.old) {
				t.Fatalf("no %q to replace", tt.old)
			}
			config := write(t, strings.Replace(stackConfig, tt.old, tt.now, 1))
			got := c.run(t.Context(), t, "validate", "--stack", "shop", "--config", config)
			if got.status != tt.status {
				t.Errorf("exit status %d, want %d", got.status, tt.status)
			}
			want(t, got.stdout, tt.stdout...)
			want(t, got.stderr, tt.stderr...)
			got = c.run(t.Context(), t, "validate", "--stack", "shop", "--json", "--config", config)
			var v struct {
				OK    bool
				Stack struct {
					Refused []struct {
						Publisher string
						Queues    []struct {
							Queue   string
							Visible int
						}
					}
				}
			}
			if err := json.Unmarshal([]byte(got.stdout), &v); err != nil || v.OK != (tt.status == 0) || (len(v.Stack.Refused) > 0) == v.OK {
				t.Errorf("got %v, %+v", err, v)
			}
		})
	}
}

func TestStackValidateMoved(t *testing.T) {
	t.Parallel()
	s, c, _ := newStack(t)
	s.Put(noteQueue, "", "{}", nil)
	text := strings.Replace(stackConfig, "clients:\n", "clients:\n  other: {region: eu, auth: access_token}\n", 1)
	config := write(t, strings.Replace(text, "note: {client: main", "note: {client: other", 1))
	got := c.run(t.Context(), t, "validate", "--stack", "shop", "--config", config)
	if got.status != 2 {
		t.Errorf("exit status %d, want 2", got.status)
	}
	want(t, got.stderr, "publisher note moves from client main to other, but")
}

package blackbox_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"intercom-connector/test/blackbox/mock"
)

// manyMessages is how many messages each of the operations below has: 2,000, or
// as many as the environment variable BLACKBOX_MESSAGES says. Where that is set
// there are faults, too, after which a message waits for a minute and a half.
func manyMessages() (n int, patient bool) {
	if n, err := strconv.Atoi(os.Getenv("BLACKBOX_MESSAGES")); err == nil && n > 0 {
		return n, true
	}
	return 2000, false
}

// perGroup is how many messages a group has.
const perGroup = 10

// deaths is how often a publication is killed.
const deaths = 8

// lossy lets requests go wrong, most of them after they were applied.
type lossy struct {
	r *rand.Rand
	// early are the faults before anything is applied.
	early []mock.Fault
}

// late are the faults after a request was applied: its answer is lost, or odd.
var late = []mock.Fault{
	mock.Broken, mock.Gateway, mock.EmptyBody, mock.CutBody, mock.Hangup, mock.Reset, mock.Garbage, mock.Slow,
}

func (l lossy) fault(_ int, r *http.Request) mock.Fault {
	if r.URL.Path == "/me" {
		return mock.None
	}
	switch dice := l.r.IntN(1000); {
	case dice < 2:
		return mock.Limited
	case dice < 60:
		return late[l.r.IntN(len(late))]
	case dice < 68:
		return l.early[l.r.IntN(len(l.early))].Before()
	}
	return mock.None
}

// Thousands of messages through random faults, before and after what they do,
// and a publisher that is killed again and again. What may be repeated is
// applied, what must not be is applied once, or said to be unknown; the order
// within groups holds, and every message is accounted for.
func TestPublishingKilled(t *testing.T) {
	t.Parallel()
	n, patient := manyMessages()
	anything := []mock.Fault{mock.Broken, mock.Gateway, mock.Hangup, mock.Reset}
	// After an answer of Intercom's own a message is sent again in seconds.
	answered := []mock.Fault{mock.Broken}
	if patient {
		answered = anything
	}
	for _, tt := range []struct {
		name, config, publisher, kind string
		early                         []mock.Fault
		repeatable                    bool // sent again as it is
		unreadable                    bool // what it did cannot be read back
		message                       func(group string, i int) map[string]any
	}{
		{"contacts changed", updating, "update", "contacts", anything, true, false, updateOf},
		{"notes", noting, "note", "contacts", answered, false, false, noteTo},
		{"replies", replying, "reply", "conversations", answered, false, false, replyTo},
		{"messages", messaging, "message", "contacts", anything, false, true, messageTo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))

			ws := amsterdam(t)
			ws.Fill(tt.kind, n/perGroup, 24*time.Hour)
			ws.Latency, ws.Limit = 20*time.Millisecond, 4000
			ws.Fault = lossy{rand.New(rand.NewPCG(seed, 2)), tt.early}.fault
			d := newDesk(t, writes(serve(t, ws), tt.config))
			if patient {
				d.patience = 9 * time.Minute
			}
			groups := ws.IDs(tt.kind)
			var messages []any
			for i := range n {
				messages = append(messages, tt.message(groups[i%len(groups)], i))
			}
			d.putMessages("m.ndjson", messages...)

			lives := d.killPublisher(ws, random, tt.publisher)
			p, r := d.publish(tt.publisher, "m.ndjson")
			p.accounted(t, n)
			if p.Paused+p.Left > 0 {
				t.Errorf("not done: %v", r)
			}
			all := ws.Writes()
			doubtful := d.checkLetters(ws, tt.publisher, p)
			t.Logf("%d lives, %d requests, %d writes: %+v", len(lives), len(ws.Requests()), len(all), p)
			if len(lives) < 3 {
				t.Errorf("killed %d times: it was done too early", len(lives)-1)
			}
			if tt.repeatable {
				checkRepeatable(t, ws, all, lives, groups, n)
			} else {
				checkUnrepeatable(t, all, doubtful, len(groups), n)
				if most := n / 50; !tt.unreadable && len(doubtful) > most {
					t.Errorf("%d outcomes are unknown, want at most %d: they can be read back", len(doubtful), most)
				}
			}
		})
	}
}

func replyTo(conversation string, i int) map[string]any {
	return map[string]any{
		"group": conversation, "path": map[string]any{"conversation_id": conversation},
		"payload": map[string]any{"message_type": "comment", "type": "admin", "admin_id": "814860", "body": marker(i) + " <i>x</i> :)"},
	}
}

func messageTo(contact string, i int) map[string]any {
	return map[string]any{
		"group": contact,
		"payload": map[string]any{
			"from": map[string]any{"type": "admin", "id": "814860"}, "to": map[string]any{"type": "user", "id": contact},
			"message_type": "inapp", "body": marker(i),
		},
	}
}

// killPublisher publishes m.ndjson and kills the program until it is done, or
// has died often enough. It returns how many writes there were at each death.
func (d *desk) killPublisher(ws *mock.Workspace, random *rand.Rand, publisher string) (lives []int) {
	d.t.Helper()
	for len(lives) < deaths {
		after := 60*time.Millisecond + time.Duration(random.Int64N(int64(600*time.Millisecond)))
		if random.IntN(2) == 0 {
			after = 800*time.Millisecond + time.Duration(random.Int64N(int64(1500*time.Millisecond)))
		}
		cmd, stderr := d.start(d.t.Context(), "publish", publisher, "m.ndjson", "--log-level", "debug")
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		d.search("output of a publication that was killed", stderr.Bytes())
		if timer.Stop() {
			if err != nil && cmd.ProcessState.ExitCode() != 1 {
				d.t.Fatalf("publication before the kill: %v\n%s", err, shorten(stderr.String()))
			}
			break
		}
		// What it had sent is applied all the same.
		for quiet := 0; quiet < 5; quiet++ {
			if ws.Busy() {
				quiet = 0
			}
			time.Sleep(10 * time.Millisecond)
		}
		lives = append(lives, len(ws.Writes()))
	}
	return append(lives, -1)
}

// checkLetters checks that the dead letters are those that were counted, and
// returns the messages of unknown outcome, counted from 0. There is no reason
// for any other.
func (d *desk) checkLetters(ws *mock.Workspace, publisher string, p publication) (doubtful map[int]bool) {
	d.t.Helper()
	doubtful = map[int]bool{}
	lines := map[int]bool{}
	for _, l := range d.letters(publisher) {
		lines[l.Line] = true
		if l.Outcome != "unknown" || !contains(l.Reason, "unknown") {
			d.t.Errorf("line %d is %s: %q, status %d\n%s", l.Line, l.Outcome, l.Reason, l.Status, history(ws, l.Line-1))
			continue
		}
		doubtful[l.Line-1] = true
	}
	if len(lines) != p.Dead+p.Unknown {
		d.t.Errorf("%d dead letters for %d dead and %d unknown messages", len(lines), p.Dead, p.Unknown)
	}
	return doubtful
}

// history is what happened to a message: the requests that had it, and those
// about the same thing.
func history(ws *mock.Workspace, i int) string {
	var b strings.Builder
	path := ""
	for _, r := range ws.Requests() {
		if contains(r.Body, marker(i)) {
			path = r.Path
		}
	}
	for _, r := range ws.Requests() {
		if contains(r.Body, marker(i)) || path != "" && r.Method == http.MethodGet && strings.HasPrefix(path, r.Path) {
			fmt.Fprintf(&b, "  %s %s %s: %d, fault %v\n", r.At.Format("05.000"), r.Method, r.Path, r.Status, r.Fault)
		}
	}
	return b.String()
}

// checkRepeatable checks that each message was applied, that what a life of the
// publisher has sent was in order, and that the last one of each group is what
// stays.
func checkRepeatable(t *testing.T, ws *mock.Workspace, all []mock.Write, lives []int, groups []string, n int) {
	t.Helper()
	count := applied(all)
	missing := map[int]bool{}
	for i := range n {
		if count[i] == 0 {
			missing[i] = true
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d messages were never applied: %v", len(missing), n, numbers(missing))
	}
	begin := 0
	for _, end := range lives {
		if end < 0 {
			end = len(all)
		}
		last := map[int]int{}
		for _, w := range all[begin:end] {
			i := marked(w)
			group := i % len(groups)
			if before, seen := last[group]; seen && i < before {
				t.Errorf("message %d was sent after %d of the same group", i, before)
			}
			last[group] = i
		}
		begin = end
	}
	records := ws.Records("contacts")
	for g, id := range groups {
		if want := marker(n - len(groups) + g); !contains(records[id], want) {
			t.Errorf("the contact of group %d does not have the last change, %s: %s", g, want, records[id])
		}
	}
}

// checkUnrepeatable checks that each message was applied once, and at most once
// where its outcome is unknown, and that each group is in order.
func checkUnrepeatable(t *testing.T, all []mock.Write, doubtful map[int]bool, groups, n int) {
	t.Helper()
	count := applied(all)
	twice, never := map[int]bool{}, map[int]bool{}
	for i := range n {
		switch {
		case count[i] > 1:
			twice[i] = true
		case count[i] == 0 && !doubtful[i]:
			never[i] = true // or dead, which there is no reason for
		}
	}
	if len(twice) > 0 {
		t.Errorf("applied more than once: %v", numbers(twice))
	}
	if len(never) > 0 {
		t.Errorf("neither applied nor of unknown outcome: %v", numbers(never))
	}
	last := slices.Repeat([]int{-1}, groups)
	for _, w := range all {
		i := marked(w)
		if i < last[i%groups] {
			t.Errorf("message %d was applied after %d of the same group", i, last[i%groups])
		}
		last[i%groups] = max(last[i%groups], i)
	}
}

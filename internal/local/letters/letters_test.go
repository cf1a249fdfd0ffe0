package letters_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"intercom-connector/internal/local/letters"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/state/memstate"
)

func letter(publisher, id, body string) publish.DeadLetter {
	return publish.DeadLetter{
		Publisher: publisher, ID: id, Group: "g", Body: []byte(body), Reason: "because",
		Outcome: publish.Dead, Status: 422, Code: "parameter_invalid", RequestID: "r", Line: 7,
		Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
	}
}

// fill puts letters into a new box.
func fill(t *testing.T, all ...publish.DeadLetter) *letters.Box {
	t.Helper()
	box := letters.New(&memstate.Store{})
	for _, l := range all {
		if err := box.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	return box
}

func list(t *testing.T, box *letters.Box, publisher string) map[string]publish.DeadLetter {
	t.Helper()
	found := map[string]publish.DeadLetter{}
	for l, err := range box.List(t.Context(), publisher) {
		if err != nil {
			t.Fatal(err)
		}
		found[l.Key] = l.DeadLetter
	}
	return found
}

func TestListHasWhatWasPut(t *testing.T) {
	t.Parallel()
	a, b, c := letter("one", "1", "a"), letter("one", "1", "b"), letter("two", "1", "a")
	c.Body = []byte("\xff not UTF-8")
	box := fill(t, a, b, c)
	key := func(l publish.DeadLetter) string { return letters.Key(l.Publisher, l.ID, l.Body) }
	all := map[string]publish.DeadLetter{key(a): a, key(b): b, key(c): c}
	if diff := cmp.Diff(all, list(t, box, "")); diff != "" {
		t.Errorf("all: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]publish.DeadLetter{key(c): c}, list(t, box, "two")); diff != "" {
		t.Errorf("two: (-want +got)\n%s", diff)
	}
}

func TestPutAgainReplaces(t *testing.T) {
	t.Parallel()
	first, second := letter("p", "1", "a"), letter("p", "1", "a")
	second.Reason, second.Outcome = "another", publish.Unknown
	box := fill(t, first, second)
	want := map[string]publish.DeadLetter{letters.Key("p", "1", []byte("a")): second}
	if diff := cmp.Diff(want, list(t, box, "")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	counts, err := box.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]letters.Count{"p": {Letters: 1, Unknown: 1}}, counts); diff != "" {
		t.Errorf("counts: (-want +got)\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	box := fill(t, letter("p", "mine", "a"), letter("p", "twice", "a"), letter("p", "twice", "b"))
	key := letters.Key("p", "mine", []byte("a"))
	for _, tt := range []struct {
		name, id  string
		err       error
		ambiguous int
	}{
		{name: "key", id: key},
		{name: "beginning of the key", id: key[:6]},
		{name: "id of the message", id: "mine"},
		{name: "unknown", id: "nobody", err: letters.ErrNone},
		{name: "empty", id: "", err: letters.ErrNone},
		{name: "too little of the key", id: key[:2], err: letters.ErrNone},
		{name: "two of one id", id: "twice", ambiguous: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := box.Find(t.Context(), tt.id)
			if ambiguous, ok := errors.AsType[*letters.AmbiguousError](err); ok {
				if ambiguous.Letters != tt.ambiguous {
					t.Errorf("%d letters, want %d", ambiguous.Letters, tt.ambiguous)
				}
				return
			}
			if !errors.Is(err, tt.err) || tt.ambiguous > 0 {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err == nil && got.Key != key {
				t.Errorf("found %s, want %s", got.Key, key)
			}
		})
	}
}

func TestDropSparesWhatIsNewer(t *testing.T) {
	t.Parallel()
	box := fill(t, letter("p", "1", "a"))
	old, err := box.Find(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Put(t.Context(), letter("p", "1", "a")); err != nil {
		t.Fatal(err)
	}
	if dropped, err := box.Drop(t.Context(), old); dropped || err != nil {
		t.Errorf("dropped a letter that was put again: %v, %v", dropped, err)
	}
	now, err := box.Get(t.Context(), old.Key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(old, now, cmpopts.IgnoreUnexported(letters.Letter{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if dropped, err := box.Drop(t.Context(), now); !dropped || err != nil {
		t.Errorf("dropped: %v, %v", dropped, err)
	}
	if _, err := box.Get(t.Context(), old.Key); !errors.Is(err, letters.ErrNone) {
		t.Errorf("error %v, want ErrNone", err)
	}
	if dropped, err := box.Drop(t.Context(), now); dropped || err != nil {
		t.Errorf("dropped twice: %v, %v", dropped, err)
	}
}

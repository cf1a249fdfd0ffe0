package event_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"intercom-connector/internal/event"
)

func identity() event.Identity {
	return event.Identity{
		Workspace:    "ab12cd34",
		Subscription: "contacts",
		Resource:     "contacts",
		Record:       "42",
		Changed:      changed,
		Content:      event.DigestOf([]byte(`{"id":"42"}`)),
	}
}

// An id may never change between releases: it is what consumers deduplicate by.
func TestIDStaysTheSame(t *testing.T) {
	t.Parallel()
	if got, want := event.ID(identity()), "51e2c77777d0f5de77251f71e2450e78"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	i := identity()
	i.Changed = i.Changed.In(time.FixedZone("", 3600))
	if got, want := event.ID(i), event.ID(identity()); got != want {
		t.Errorf("in another time zone: got %s, want %s", got, want)
	}
}

func TestIDDiffers(t *testing.T) {
	t.Parallel()
	seen := map[string]string{event.ID(identity()): "as it is"}
	for name, change := range map[string]func(*event.Identity){
		"workspace":              func(i *event.Identity) { i.Workspace = "ab12cd35" },
		"subscription":           func(i *event.Identity) { i.Subscription = "people" },
		"resource":               func(i *event.Identity) { i.Resource = "leads" },
		"record":                 func(i *event.Identity) { i.Record = "43" },
		"no record":              func(i *event.Identity) { i.Record = "" },
		"a second later":         func(i *event.Identity) { i.Changed = i.Changed.Add(time.Second) },
		"a nanosecond later":     func(i *event.Identity) { i.Changed = i.Changed.Add(1) },
		"no time":                func(i *event.Identity) { i.Changed = time.Time{} },
		"the epoch":              func(i *event.Identity) { i.Changed = time.Unix(0, 0) },
		"content":                func(i *event.Identity) { i.Content[15]++ },
		"second output":          func(i *event.Identity) { i.Output = 1 },
		"a field's end moved":    func(i *event.Identity) { i.Resource, i.Record = "contacts4", "2" },
		"a field's start moved":  func(i *event.Identity) { i.Subscription, i.Resource = "contactscontact", "s" },
		"a separator in a field": func(i *event.Identity) { i.Subscription = "contacts\x08contacts" },
	} {
		i := identity()
		change(&i)
		id := event.ID(i)
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s have the same id", name, other)
		}
		seen[id] = name
	}
}

// Two identities have one id exactly when they are equal, whatever is in them.
func TestIDIsTheIdentity(t *testing.T) {
	t.Parallel()
	name := rapid.StringOfN(rapid.SampledFrom([]rune("a\x00\x01\x08é")), 0, 4, -1)
	draw := rapid.Custom(func(t *rapid.T) event.Identity {
		return event.Identity{
			Workspace:    name.Draw(t, "workspace"),
			Subscription: name.Draw(t, "subscription"),
			Resource:     name.Draw(t, "resource"),
			Record:       name.Draw(t, "record"),
			Changed:      time.Unix(rapid.Int64Range(-1, 1).Draw(t, "changed"), 0),
			Output:       rapid.IntRange(0, 2).Draw(t, "output"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if got, want := event.ID(a) == event.ID(b), a == b; got != want {
			t.Errorf("same id: %v, same identity: %v", got, want)
		}
	})
}

func TestDigestOf(t *testing.T) {
	t.Parallel()
	a, b := event.DigestOf([]byte(`{"id":"1"}`)), event.DigestOf([]byte(`{"id":"1" }`))
	if a == b {
		t.Error("other bytes, same digest")
	}
	if again := event.DigestOf([]byte(`{"id":"1"}`)); again != a {
		t.Error("same bytes, other digest")
	}
}

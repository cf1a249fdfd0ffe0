package names_test

import (
	"testing"

	"intercom-connector/internal/names"
)

func TestStack(t *testing.T) {
	t.Parallel()
	s := names.Stack("my-stack")
	for _, tt := range []struct{ name, got, want string }{
		{"function", s.SubscribeFunction("main"), "my-stack_main_subscribe"},
		{"queue", s.Messages("main", "update-contact", false), "my-stack_main_update-contact_messages"},
		{"FIFO queue", s.Messages("main", "update-contact", true), "my-stack_main_update-contact_messages.fifo"},
		{"dead letters", s.DeadLetters("main", "update-contact", true), "my-stack_main_update-contact_dead.fifo"},
		{"secret", s.Token("main"), "my-stack/main/token"},
		{"parameter", s.Mappings("main"), "/my-stack/main/mappings"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestCheckStack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ok   bool
	}{
		{"intercom-connector-prod", true},
		{"A1", true},
		{"", false},
		{"-a", false},
		{"1a", false},
		{"my_stack", false},
		{"a-name-that-is-longer-than-what-forty-one-", false},
	} {
		if err := names.CheckStack(tt.name); (err == nil) != tt.ok {
			t.Errorf("%q: got %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}

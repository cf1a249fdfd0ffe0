package names_test

import (
	"testing"

	"intercom-connector/internal/names"
)

func TestParseQueue(t *testing.T) {
	t.Parallel()
	const stack = names.Stack("my-stack")
	for _, tt := range []struct {
		name string
		want names.Queue
		ok   bool
	}{
		{stack.Messages("main", "update", false), names.Queue{Client: "main", Owner: "update", Kind: names.MessagesQueue}, true},
		{stack.Messages("main", "update", true), names.Queue{Client: "main", Owner: "update", Kind: names.MessagesQueue, FIFO: true}, true},
		{stack.DeadLetters("a-b", "c-d", true), names.Queue{Client: "a-b", Owner: "c-d", Kind: names.DeadLettersQueue, FIFO: true}, true},
		{stack.Responses("main", "update", false), names.Queue{Client: "main", Owner: "update", Kind: names.ResponsesQueue}, true},
		{stack.Events("main", "contacts", false), names.Queue{Client: "main", Owner: "contacts", Kind: names.EventsQueue}, true},
		{stack.Undelivered(), names.Queue{}, false},
		{names.Stack("my-stack-prod").Messages("main", "update", false), names.Queue{}, false},
		{"my-stack_main_update_other", names.Queue{}, false},
		{"my-stack_main__messages", names.Queue{}, false},
		{"somebody-elses", names.Queue{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := stack.ParseQueue(tt.name)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %+v, %v, want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

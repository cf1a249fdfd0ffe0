package transform_test

import (
	"context"
	"errors"
	"testing"

	"intercom-connector/internal/transform"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, source, message, want string
	}{
		{"no program", "", ` {"id" : 1}`, ` {"id" : 1}`},
		{"one output", "{payload: {body: .text}}", `{"text":"hi"}`, `{"payload":{"body":"hi"}}`},
		{"any JSON goes in", "{id: .[0]}", `[12345678901234567890]`, `{"id":12345678901234567890}`},
		{"any JSON comes out", "null", `{}`, `null`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := transform.Message(t.Context(), program(t, tt.source), []byte(tt.message))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestMessageFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, source, message string
		outputs               int // -1: another error
	}{
		{"nothing comes out", "empty", `{}`, 0},
		{"two come out", ".[]", `[1,2]`, 2},
		{"the program fails", `error("no")`, `{}`, -1},
		{"not JSON", ".", `{`, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := transform.Message(t.Context(), program(t, tt.source), []byte(tt.message))
			if err == nil {
				t.Fatal("no error")
			}
			count, ok := errors.AsType[*transform.CountError](err)
			if ok != (tt.outputs >= 0) || ok && count.Outputs != tt.outputs {
				t.Errorf("got %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := transform.Message(ctx, program(t, "."), []byte(`{}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// envelope is an event as it stands in JSON. Pointers tell an empty value from
// a missing one.
type envelope struct {
	SpecVersion *string         `json:"specversion"`
	ID          *string         `json:"id"`
	Source      *string         `json:"source"`
	Type        *string         `json:"type"`
	Subject     *string         `json:"subject"`
	Time        *time.Time      `json:"time"`
	ContentType *string         `json:"datacontenttype"`
	Data        json.RawMessage `json:"data"`
	DataBase64  *[]byte         `json:"data_base64"`
	DataRef     string          `json:"dataref"`
}

// Parse reads one event as [Event.AppendJSON] writes it. It is meant for tests
// and for tools that look at a file of events, not for speed: it checks what
// CloudEvents 1.0 demands and names what is missing. Extension attributes that
// the connector does not write are passed over.
//
// Data of a text type is returned as the text, of a JSON type as the bytes that
// stand there, of any other as the bytes that data_base64 stands for.
func Parse(line []byte) (Event, error) {
	var env envelope
	if err := json.Unmarshal(line, &env); err != nil {
		return Event{}, fmt.Errorf("parse event: %w", err)
	}
	var e Event
	if err := env.fill(&e); err != nil {
		return Event{}, fmt.Errorf("parse event: %w", err)
	}
	return e, nil
}

func (env *envelope) fill(e *Event) error {
	if env.SpecVersion == nil || *env.SpecVersion != "1.0" {
		return errors.New("specversion is not 1.0")
	}
	for _, attribute := range []struct {
		name string
		from *string
		to   *string
	}{{"id", env.ID, &e.ID}, {"source", env.Source, &e.Source}, {"type", env.Type, &e.Type}} {
		if attribute.from == nil || *attribute.from == "" {
			return fmt.Errorf("%s is missing", attribute.name)
		}
		*attribute.to = *attribute.from
	}
	if env.Subject != nil {
		e.Subject = *env.Subject
	}
	if env.Time != nil {
		e.Time = *env.Time
	}
	if env.ContentType != nil {
		e.ContentType = *env.ContentType
	}
	e.DataRef = env.DataRef
	return env.fillData(e)
}

func (env *envelope) fillData(e *Event) error {
	switch {
	case env.DataBase64 != nil && env.Data != nil:
		return errors.New("both data and data_base64 are there")
	case env.DataBase64 != nil:
		e.Data = *env.DataBase64
	case env.Data != nil && kindOf(e.ContentType) == kindJSON:
		e.Data = env.Data
	case env.Data != nil:
		var text string
		if err := json.Unmarshal(env.Data, &text); err != nil {
			return fmt.Errorf("data of type %s: %w", e.ContentType, err)
		}
		e.Data = []byte(text)
	}
	return nil
}

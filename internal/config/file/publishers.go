package file

import (
	"net/http"
	"time"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

const (
	defaultGiveUp = 12 * time.Hour
	maxGiveUp     = 14 * day // what a queue keeps
)

func (c *checker) publisher(name string, doc *Publisher) *config.Publisher {
	n := doc.node
	p := &config.Publisher{
		Name:              name,
		Client:            doc.Client,
		Entity:            doc.Entity,
		Method:            doc.Method,
		MessageTransform:  c.program(n, "message_transform", doc.MessageTransform),
		OnConflict:        doc.OnConflict,
		UnknownAttributes: doc.UnknownAttributes,
		FIFO:              or(doc.FIFO, false),
		GiveUpAfter:       c.duration(n, "give_up_after", doc.GiveUpAfter, defaultGiveUp, time.Minute, maxGiveUp),
		Enabled:           or(doc.Enabled, true),
	}
	if p.UnknownAttributes == "dead" {
		p.UnknownAttributes = ""
	}
	c.clientName(doc.Client, n)
	if doc.Responses != nil {
		responses := c.destination(doc.Responses)
		if responses.Type == "publisher" {
			c.add(doc.Responses.node.place("type"), "responses cannot go to a publisher: publishing them would lead to responses again")
		}
		p.Responses = &responses
	}
	if doc.Entity == "" || doc.Method == "" || n.kind != mapKind {
		return p
	}
	params := -1
	if doc.Path != nil {
		params = len(doc.Path)
	}
	op, err := intercom.Find(doc.Method, doc.Entity, params)
	if err != nil {
		c.notFound(n, err)
		return p
	}
	if op.Kind == intercom.Read {
		c.add(n.place("entity"), "%s only reads: that is for a subscription", describe(op))
	}
	p.Operation, p.Method, p.Route = op, op.Method, op.Entity()
	p.Path = c.path(n, doc.Entity, doc.Path, op, true)
	p.Query = c.query(n)
	p.Payload = c.payload(n, op)
	if p.OnConflict != "" && (op.Method != http.MethodPost || op.Path != "/contacts") {
		c.add(n.keyPlace("on_conflict"), "on_conflict is for POST contacts, not for %s", describe(op))
	}
	if doc.UnknownAttributes != "" && op.Body == intercom.NoBody {
		c.add(n.keyPlace("unknown_attributes"), "%s has no payload, so no attributes either", describe(op))
	}
	return p
}

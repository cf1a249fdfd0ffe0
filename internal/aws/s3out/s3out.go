// Package s3out keeps things in a bucket: the events of a subscription
// ([Objects]), what could not be delivered ([Quarantine]), and what Intercom
// answered ([Responses]).
//
// # Events
//
// Events are gzipped NDJSON, one CloudEvents object a line, in objects named
//
//	events/<subscription>/<yyyy>/<mm>/<dd>/<run>-<invocation>-<number>.ndjson.gz
//
// The day is the one, in UTC, on which the object was begun. The invocation is a
// random number, so no two ever write under one name: not two invocations of one
// run, and not one that was overtaken and does not know it yet.
//
// An object is whole when it is there: it is put by one request with a checksum,
// from memory. It is closed when 8 MiB of lines are in it, as they are before
// they are compressed, or when its oldest event has waited for 30 seconds, or at
// the run's end; what was delivered is safe no sooner. So a fast run makes an
// object of a megabyte or two every few seconds rather than a small one every
// second, and a slow one makes no more than two a minute.
//
// # The rest
//
// What was quarantined is one JSON object each, and so is a response. Both have
// names made of what they are of, so that the same thing again is the same object.
package s3out

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"intercom-connector/internal/event"
	"intercom-connector/internal/names"
	"intercom-connector/internal/subscribe"
)

const (
	whole = 8 << 20  // bytes of lines that make an object worth closing
	most  = 32 << 20 // that close it in the middle of a Deliver
	// age is how long the oldest event may wait for its object.
	age = 30 * time.Second
)

// A Config is what objects of events are made of.
type Config struct {
	API          API
	Bucket       string
	Subscription string
}

// Objects is the destination of events that is a bucket. It belongs to one run.
type Objects struct {
	cfg        Config
	put        putter
	invocation string
	number     int

	buf    bytes.Buffer
	gzip   *gzip.Writer // nil until there is an event
	lines  []byte
	size   int       // of the lines in the open object
	key    string    // of the object that is closed and not put yet, "" where none is
	run    string    // that the events are of
	begun  time.Time // when the open object was
	oldest time.Time // when the oldest event came that no Flush has made safe; zero: there is none
}

var (
	_ subscribe.Destination = (*Objects)(nil)
	_ subscribe.Holder      = (*Objects)(nil)
)

// New returns the destination of a run.
func New(cfg Config) *Objects {
	var invocation [8]byte
	_, _ = rand.Read(invocation[:]) // it never fails
	return &Objects{
		cfg: cfg, put: putter{api: cfg.API, bucket: cfg.Bucket},
		invocation: hex.EncodeToString(invocation[:]),
	}
}

// Deliver takes events into the open object. They are safe after the next
// [Objects.Flush].
func (o *Objects) Deliver(ctx context.Context, events []event.Event) error {
	if o.key != "" || o.size >= whole {
		if err := o.close(ctx); err != nil {
			return err
		}
	}
	for i := range events {
		if err := o.add(&events[i]); err != nil {
			return err
		}
		if o.size < most {
			continue
		}
		if err := o.close(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Flush closes the open object, if there is anything in it, and returns nil when
// all that was delivered is in the bucket.
func (o *Objects) Flush(ctx context.Context) error {
	if err := o.close(ctx); err != nil {
		return err
	}
	o.oldest = time.Time{}
	return nil
}

// HoldFor implements subscribe.Holder: an object is better whole.
func (o *Objects) HoldFor() time.Duration {
	if o.size == 0 || o.size >= whole || o.key != "" {
		return 0
	}
	return age - time.Since(o.oldest)
}

func (o *Objects) add(e *event.Event) error {
	if o.size == 0 {
		o.begun, o.run = time.Now(), e.Run
	}
	if o.oldest.IsZero() {
		o.oldest = time.Now()
	}
	if o.gzip == nil {
		var err error
		// A function has a fraction of a processor: what the better levels save in
		// space they cost several times over in time.
		if o.gzip, err = gzip.NewWriterLevel(&o.buf, gzip.BestSpeed); err != nil {
			return fmt.Errorf("compress events: %w", err)
		}
	}
	o.lines = e.AppendLine(o.lines[:0])
	if _, err := o.gzip.Write(o.lines); err != nil {
		return fmt.Errorf("compress events: %w", err)
	}
	o.size += len(o.lines)
	return nil
}

// close closes the open object and puts it. Where that fails the object stays,
// and the next close puts it again under its name.
func (o *Objects) close(ctx context.Context) error {
	if o.size == 0 {
		return nil
	}
	if o.key == "" {
		if err := o.gzip.Close(); err != nil {
			return fmt.Errorf("compress events: %w", err)
		}
		o.number++
		o.key = fmt.Sprintf("%s%s/%s/%s-%s-%05d.ndjson.gz", names.EventsPrefix, o.cfg.Subscription,
			day(o.begun), o.run, o.invocation, o.number)
	}
	if err := o.put.object(ctx, o.key, o.buf.Bytes(), "application/gzip"); err != nil {
		return err
	}
	o.key, o.size = "", 0
	o.buf.Reset()
	o.gzip.Reset(&o.buf)
	if cap(o.lines) > 1<<20 {
		o.lines = nil // one record was large
	}
	return nil
}

// day is the part of a key that is a day.
func day(t time.Time) string { return t.UTC().Format("2006/01/02") }

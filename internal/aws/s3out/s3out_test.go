package s3out_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"intercom-connector/internal/aws/s3out"
	"intercom-connector/internal/event"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
)

// A bucket keeps objects in memory. What do returns is the answer, which may
// get lost.
type bucket struct {
	do   func(ctx context.Context, put int) error
	lost bool // what fails is there all the same

	mu      sync.Mutex
	objects map[string][]byte
	types   map[string]string
	keys    []string // of each put, in order
}

func (b *bucket) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.keys = append(b.keys, *in.Key)
	n := len(b.keys)
	b.mu.Unlock()
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(body))
	if base64.StdEncoding.EncodeToString(sum[:]) != aws.ToString(in.ChecksumCRC32) {
		return nil, errors.New("wrong checksum")
	}
	if b.do != nil {
		err = b.do(ctx, n)
	}
	if err != nil && !b.lost {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.objects == nil {
		b.objects, b.types = map[string][]byte{}, map[string]string{}
	}
	b.objects[*in.Key], b.types[*in.Key] = body, *in.ContentType
	return &s3.PutObjectOutput{}, err
}

// lines are what is in all objects.
func (b *bucket) lines(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		all = append(all, unzip(t, b.objects[key])...)
	}
	return all
}

func unzip(t *testing.T, object []byte) []string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

// contacts are n events of some size.
func contacts(from, n, size int) []event.Event {
	var events []event.Event
	for i := from; i < from+n; i++ {
		events = append(events, event.Event{
			ID: fmt.Sprintf("%032d", i), Source: "intercom:ab12cd34", Type: "intercom.contacts.upserted",
			Subject: fmt.Sprint(i), Data: fmt.Appendf(nil, `{"n":%d,"s":"%s"}`, i, strings.Repeat("x", size)), Run: "gppqdk4c67",
		})
	}
	return events
}

func deliver(t *testing.T, o *s3out.Objects, events []event.Event) {
	t.Helper()
	if err := o.Deliver(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, o *s3out.Objects) {
	t.Helper()
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func newObjects(b *bucket) *s3out.Objects {
	return s3out.New(s3out.Config{API: b, Bucket: "b", Subscription: "contacts"})
}

func TestObjects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01
		b := &bucket{}
		o := newObjects(b)
		flush(t, o)
		deliver(t, o, nil)
		flush(t, o)
		if len(b.keys) != 0 {
			t.Errorf("objects of nothing: %q", b.keys)
		}
		events := contacts(0, 3, 10)
		data := events[0].Data
		var want []string
		for i := range events {
			want = append(want, strings.TrimSuffix(string(events[i].AppendLine(nil)), "\n"))
		}
		deliver(t, o, events[:2])
		copy(data, "overwritten") // it is the engine's again
		flush(t, o)
		flush(t, o)
		deliver(t, o, events[2:])
		flush(t, o)
		if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(slices.Concat(unzip(t, b.objects[b.keys[0]]), []string{"\n"}, unzip(t, b.objects[b.keys[1]])), "")); diff != "" {
			t.Errorf("lines (-want +got)\n%s", diff)
		}
		pattern := regexp.MustCompile(`^events/contacts/2000/01/01/gppqdk4c67-[0-9a-f]{16}-0000[12]\.ndjson\.gz$`)
		for _, key := range b.keys {
			if !pattern.MatchString(key) || b.types[key] != "application/gzip" {
				t.Errorf("key %s of type %s", key, b.types[key])
			}
		}
		if len(b.keys) != 2 || b.keys[0] == b.keys[1] {
			t.Errorf("keys %q", b.keys)
		}
	})
}

// Two invocations of one run never write under one name.
func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	for range 50 {
		o := newObjects(b)
		deliver(t, o, contacts(0, 1, 1))
		flush(t, o)
	}
	if len(b.objects) != 50 {
		t.Errorf("%d objects of 50", len(b.objects))
	}
}

func TestWhenObjectsAreWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{}
		o := newObjects(b)
		hold := func(want time.Duration) {
			t.Helper()
			if got := o.HoldFor(); got != want {
				t.Errorf("hold for %v, want %v", got, want)
			}
		}
		hold(0) // there is nothing to wait for
		deliver(t, o, contacts(0, 10, 100))
		hold(30 * time.Second)
		time.Sleep(29 * time.Second)
		deliver(t, o, contacts(10, 10, 100))
		hold(time.Second)
		time.Sleep(2 * time.Second)
		hold(-time.Second)
		flush(t, o)
		hold(0)

		time.Sleep(time.Hour)
		deliver(t, o, contacts(20, 100, 80_000))
		hold(30 * time.Second)
		deliver(t, o, contacts(120, 10, 80_000))
		hold(0) // 8 MiB
		if len(b.keys) != 1 {
			t.Errorf("put without a flush: %d objects", len(b.keys))
		}
		time.Sleep(time.Second)
		deliver(t, o, contacts(130, 1, 10)) // nobody has flushed, so it goes first
		if len(b.keys) != 2 {
			t.Errorf("%d objects, want 2", len(b.keys))
		}
		hold(29 * time.Second) // what is in the bucket is safe for the run only after a flush
		flush(t, o)
		if got := len(b.lines(t)); got != 131 {
			t.Errorf("%d lines, want 131", got)
		}
	})
}

// One delivery of very much does not take the memory that it would need whole.
func TestMuchAtOnce(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	o := newObjects(b)
	deliver(t, o, contacts(0, 100, 1<<20))
	if len(b.keys) != 3 {
		t.Errorf("%d objects of 100 MB, want 3", len(b.keys))
	}
	flush(t, o)
	if got := len(b.lines(t)); got != 100 {
		t.Errorf("%d lines, want 100", got)
	}
}

var errBroken = errors.New("broken")

// What could not be put is put later, under the same name: the answer may have
// been lost only.
func TestPutFails(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("lost answer %v", lost), func(t *testing.T) {
			t.Parallel()
			b := &bucket{lost: lost}
			b.do = func(_ context.Context, put int) error {
				if put <= 2 {
					return errBroken
				}
				return nil
			}
			o := newObjects(b)
			deliver(t, o, contacts(0, 10, 10))
			if err := o.Flush(t.Context()); !errors.Is(err, errBroken) {
				t.Fatalf("got %v", err)
			}
			if got := o.HoldFor(); got != 0 {
				t.Errorf("hold for %v what has been closed", got)
			}
			if err := o.Deliver(t.Context(), contacts(10, 1, 10)); !errors.Is(err, errBroken) {
				t.Fatalf("got %v", err)
			}
			deliver(t, o, contacts(10, 5, 10))
			flush(t, o)
			if len(b.objects) != 2 || len(b.lines(t)) != 15 || b.keys[0] != b.keys[2] {
				t.Errorf("%d lines in %d objects, put as %q", len(b.lines(t)), len(b.objects), b.keys)
			}
		})
	}
}

// A bucket that does not answer holds the run up for less than its lease.
func TestHangs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		caps time.Duration // of the caller
		puts int
		took time.Duration
		want error
	}{
		{"once", time.Hour, 1, 10 * time.Second, nil},
		{"for ever", time.Hour, 100, 20 * time.Second, context.DeadlineExceeded},
		{"longer than the caller", 3 * time.Second, 100, 3 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{do: func(ctx context.Context, put int) error {
					if put > tt.puts {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				}}
				o := newObjects(b)
				deliver(t, o, contacts(0, 10, 10))
				ctx, cancel := context.WithTimeout(t.Context(), tt.caps)
				defer cancel()
				start := time.Now()
				if err := o.Flush(ctx); !errors.Is(err, tt.want) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	q := s3out.NewQuarantine(b, "b")
	when := time.Date(2026, 1, 2, 23, 4, 5, 0, time.FixedZone("", -2*3600))
	items := []subscribe.Quarantined{
		{Time: when, Subscription: "contacts", Run: "r1", Stage: "transform", Reason: "jq: odd", ID: "1", Record: []byte(`{"id":"1"}`)},
		{Time: when, Subscription: "contacts", Run: "r1", Stage: "transform", Reason: "jq: odd", ID: "2", Record: []byte("\xff\xfe")},
		{Time: when, Subscription: "contacts", Run: "r1", Stage: "transform", Reason: "jq: odd", ID: "2", Record: []byte("\xff\xfd")},
		{Time: when, Subscription: "contacts", Run: "r1", Stage: "request", Reason: "no id", Record: []byte(`{"path":{}}`)},
	}
	for range 2 { // the second time as after a crash
		for i := range items {
			if err := q.Put(t.Context(), items[i]); err != nil {
				t.Fatal(err)
			}
			items[i].Time = items[i].Time.Add(time.Minute)
		}
	}
	if len(b.objects) != len(items) {
		t.Errorf("%d objects, want %d", len(b.objects), len(items))
	}
	var got []string
	for key, body := range b.objects {
		if !regexp.MustCompile(`^quarantine/contacts/2026/01/03/r1-[0-9a-f]{32}\.json$`).MatchString(key) || b.types[key] != "application/json" {
			t.Errorf("key %s of type %s", key, b.types[key])
		}
		got = append(got, string(body))
	}
	slices.Sort(got)
	for i, item := range items {
		item.Time = when.Add(time.Minute)
		want, err := item.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got, string(want)+"\n") {
			t.Errorf("item %d is not there: %s", i, want)
		}
	}
	b.do = func(context.Context, int) error { return errBroken }
	if err := q.Put(t.Context(), items[0]); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	r := s3out.NewResponses(b, "b", "update-contact")
	for _, id := range []string{"a@example.com", "a@example.com", "b/../c"} {
		if err := r.Respond(t.Context(), publish.Result{ID: id, Outcome: publish.Done, Answer: []byte(`{"id":"1"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.objects) != 2 {
		t.Errorf("%d objects, want 2", len(b.objects))
	}
	for key, body := range b.objects {
		if !regexp.MustCompile(`^responses/update-contact/\d{4}/\d\d/\d\d/[0-9a-f]{32}\.json$`).MatchString(key) {
			t.Errorf("key %s", key)
		}
		if !strings.HasPrefix(string(body), `{"publisher":"update-contact","time":"`) || !strings.HasSuffix(string(body), `"outcome":"done","answer":{"id":"1"}}`+"\n") {
			t.Errorf("body %s", body)
		}
	}
	if err := r.Respond(t.Context(), publish.Result{Answer: []byte("{")}); err == nil {
		t.Error("an answer that is no JSON is no response")
	}
	b.do = func(context.Context, int) error { return errBroken }
	if err := r.Respond(t.Context(), publish.Result{ID: "x"}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestByARN(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:s3:::lake":                  "lake",
		"arn:aws-cn:s3:::lake":               "lake",
		"arn:aws:s3:::lake/prefix":           "",
		"arn:aws:sqs:eu-west-1:1234567890:q": "",
		"lake":                               "",
	} {
		if got, err := s3out.ByARN(arn); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", arn, got, err)
		}
	}
}

// record is one of 2 KB that compresses as records do.
func record(rng *rand.Rand) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"type":"contact","id":"%024x","workspace_id":"ab12cd34","role":"user","email":"user-%d@example.com","created_at":%d,"custom_attributes":{`, rng.Uint64(), rng.IntN(1e6), rng.IntN(1e9))
	for i := range 24 {
		fmt.Fprintf(&b, `"attribute_number_%d":"%016x",`, i, rng.Uint64())
	}
	fmt.Fprintf(&b, `"plan":"pro"},"location":{"type":"location","country":"Ireland","region":"Leinster","city":"Dublin","country_code":"IRL"},"browser":"chrome","browser_version":"118.0.%d","os":"OS X 10.15.7","has_hard_bounced":false,"marked_email_as_spam":false,"unsubscribed_from_emails":false`, rng.IntN(1000))
	fmt.Fprintf(&b, `,"padding":"%s"}`, strings.Repeat("lorem ipsum ", 50))
	return b.Bytes()
}

// BenchmarkRun sends 100,000 events of 2 KB, in pages of 150, and flushes when
// an engine would.
func BenchmarkRun(b *testing.B) {
	const events, page = 100_000, 150
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([][]byte, page)
	for i := range data {
		data[i] = record(rng)
	}
	b.SetBytes(events * int64(len(data[0])))
	b.ReportAllocs()
	for b.Loop() {
		sink := &counter{}
		o := s3out.New(s3out.Config{API: sink, Bucket: "b", Subscription: "contacts"})
		batch := make([]event.Event, page)
		for sent := 0; sent < events; sent += page {
			for i := range batch {
				batch[i] = event.Event{ID: "0123456789abcdef0123456789abcdef", Source: "intercom:ab12cd34", Type: "intercom.contacts.upserted", Subject: "63a07ddf05a32042dffac965", Data: data[i], Run: "gppqdk4c67"}
			}
			if err := o.Deliver(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			if o.HoldFor() <= 0 {
				if err := o.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := o.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(sink.objects), "objects")
		b.ReportMetric(float64(sink.bytes)/float64(sink.objects)/(1<<20), "MiB/object")
	}
}

// A counter only counts.
type counter struct{ objects, bytes int64 }

func (c *counter) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	n, err := io.Copy(io.Discard, in.Body)
	c.objects++
	c.bytes += n
	return &s3.PutObjectOutput{}, err
}

package intercom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

// texts are JSON and what nearly is, at every turn a scanner can take.
var texts = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `truE`, `falsey`, `n`, `t`, `f`, `x`, `nulll`,
	`0`, `-0`, `1`, `-1`, `10`, `01`, `-01`, `00`, `-`, `+1`, `.5`, `1.`, `1.5`, `1.5.5`, `-1.25e+10`, `1e5`, `1E-5`, `1e`, `1e+`, `1e5.5`, `0e0`, `0.0`, `123456789012345678901234567890`, `1a`, `0x10`, `--1`,
	`""`, `"a"`, `"`, `"a`, `"\`, `"\"`, `"\""`, `"\\"`, `"\/\b\f\n\r\t"`, `"\a"`, `"\u00e9"`, `"\u00E9"`, `"\u00g9"`, `"\u00"`, `"\ud800"`, `"\ud83d\ude00"`, `"\u"`, `"\U0041"`,
	"\"a\tb\"", "\"a\nb\"", "\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\x80\xff\"", "\"é€😀\"", "\"1234567\x1f\"", "\"12345678\x1f\"", "\"123456789\x01abcdefg\"",
	`"aaaaaaa"`, `"aaaaaaaa"`, `"aaaaaaaaa"`, `"aaaaaaaaaaaaaaa\"aaaaaaaaaaaaaaaaaa"`, "\"éééééééé!#[]^_ !\"", "\"  !!##[[]]\"",
	`{}`, `[]`, `{ }`, `[ ]`, "\t\r\n {\t}\r\n", `{`, `[`, `}`, `]`, `{]`, `[}`, `{{}}`, `[[]]`, `[[[]]`, `[]]`, `[,]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2]`, `[1 , 2 ]`,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{ "a" : 1 , "b" : [ 1 , { "c" : null } ] }`, `{a:1}`, `{1:1}`, `{"a":1,"a":2}`, `{"a"1}`, `{"a"::1}`, `{"a":1}}`, `{"":{"":[]}}`, `{"a":[1}`, `[{"a":1]`,
	"\ufeff{}", "{}\x00", "\v{}", "\u00a0{}", `// x`, `[1]//`, `{"a":nul}`, `[tru]`, `["a"`, `["a",`, `{"a":"b"`, `{"a":"b",`, `{"a"`, `{"a":`, `[1e400]`, `[-]`,
	`{"id":"a","created_at":1,"updated_at":2}`, `{"\u0069d":"a"}`, `{"id":"x","id":12}`, `{"ID":"x"}`, `{"id":null}`, `{"id":{"id":"x"}}`, `{"tags":{"has_more":true}}`, `{"tags":{"h\u0061s_more":true}}`, `{"id":"\ud800\u0041"}`,
	`{"type":"list","data":[{"id":"1"},{"id":"2"}],"pages":{"next":null},"total_count":2}`, `{"data":null}`, `{"data":{}}`, `{"data":[1,"a",null,[],{}]}`, `{"data":[ { "id" : "1" } , 2 ]}`, `{"data":[1],"data":[2,3]}`, `{"d\u0061ta":[1]}`,
	`{"data":[],"pages":{"next":"https://x/?page=2"}}`, `{"pages":{"next":{"page":2,"starting_after":"x"},"page":1,"total_pages":2},"data":[1]}`, `{"pages":[],"data":[]}`, `{"pages":{"next":7},"data":[]}`, `{"type":"error.list","errors":[{"code":"x"}]}`,
	strings.Repeat("[", 63) + strings.Repeat("]", 63), strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100), strings.Repeat(`{"a":[`, 100) + strings.Repeat(`}]`, 100), strings.Repeat(`[{"a":`, 97) + "1" + strings.Repeat(`}]`, 97),
	strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001),
}

// TestScanRecordAcceptsJSON and its fuzz test hold the scanner against
// encoding/json: the same texts are accepted, with the same value.
func TestScanRecordAcceptsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range texts {
		checkRecord(t, []byte(s))
	}
	// Each text again inside strings and objects that move it across the borders
	// of the scanner's eight-byte steps.
	for _, s := range texts {
		for n := range 17 {
			if len(s) < 1000 {
				checkRecord(t, []byte(`{"`+strings.Repeat("k", n)+`":[`+s+`,"`+strings.Repeat("v", n)+`"]}`))
			}
		}
	}
}

func FuzzScanRecord(f *testing.F) {
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(checkRecord)
}

func checkRecord(t *testing.T, raw []byte) {
	t.Helper()
	record, err := intercom.ScanRecord(raw)
	if got, want := err == nil, json.Valid(raw); got != want {
		t.Fatalf("ScanRecord(%.300q) accepted: %v, json.Valid: %v (%v)", raw, got, want, err)
	}
	if err != nil {
		return
	}
	if want := bytes.Trim(raw, " \t\r\n"); !bytes.Equal(record.Raw, want) {
		t.Fatalf("ScanRecord(%.300q).Raw = %.300q, want %.300q", raw, record.Raw, want)
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		fields = nil
	}
	if want := naiveID(fields["id"]); record.ID != want {
		t.Fatalf("ScanRecord(%.300q).ID = %q, want %q", raw, record.ID, want)
	}
	if got, want := record.HasMore, naiveHasMore(fields); got != want && !hasDuplicates(raw) {
		t.Fatalf("ScanRecord(%.300q).HasMore = %v, want %v", raw, got, want)
	}
	for key, got := range map[string]int64{"created_at": record.Created, "updated_at": record.Updated} {
		var seconds int64
		if json.Unmarshal(fields[key], &seconds) == nil && seconds >= 0 && seconds < 1e11 && got != seconds {
			t.Fatalf("ScanRecord(%.300q): %s = %d, want %d", raw, key, got, seconds)
		}
	}
}

func naiveID(raw json.RawMessage) string {
	var s string
	var n json.Number
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return s
	case raw[0] != '"' && json.Unmarshal(raw, &n) == nil:
		return n.String()
	}
	return ""
}

func naiveHasMore(fields map[string]json.RawMessage) bool {
	for _, raw := range fields {
		var v any
		if json.Unmarshal(raw, &v) == nil && anyHasMore(v) {
			return true
		}
	}
	return false
}

func anyHasMore(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, anyHasMore)
	case map[string]any:
		if v["has_more"] == true {
			return true
		}
		for _, v := range v {
			if anyHasMore(v) {
				return true
			}
		}
	}
	return false
}

// hasDuplicates tells whether an object in raw may say the same key twice, or
// a number that encoding/json cannot hold: the naive search forgets what was
// there.
func hasDuplicates(raw []byte) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return true
	}
	return countKeys(v) != countColons(raw)
}

func countKeys(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, v := range v {
			n += countKeys(v)
		}
	case map[string]any:
		n = len(v)
		for _, v := range v {
			n += countKeys(v)
		}
	}
	return n
}

// countColons counts the keys of valid JSON: the colons outside of strings.
func countColons(raw []byte) int {
	n, inside := 0, false
	for i := 0; i < len(raw); i++ {
		switch {
		case inside && raw[i] == '\\':
			i++
		case raw[i] == '"':
			inside = !inside
		case raw[i] == ':' && !inside:
			n++
		}
	}
	return n
}

func TestScanRecord(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		raw  string
		want intercom.Record
	}{
		{"times in seconds", `{"id":"5ba682d23d7cf92bef87bfd3","created_at":1571672154,"updated_at":1571672158}`, intercom.Record{ID: "5ba682d23d7cf92bef87bfd3", Created: 1571672154, Updated: 1571672158}},
		{"number for an id", `{"id":12345}`, intercom.Record{ID: "12345"}},
		{"number larger than any type", `{"id":123456789012345678901234567890}`, intercom.Record{ID: "123456789012345678901234567890"}},
		{"id that is null", `{"id":null,"updated_at":null}`, intercom.Record{}},
		{"id that is an object", `{"id":{"id":"inner"}}`, intercom.Record{}},
		{"id with escapes", `{"id":"a\u002fb\"c"}`, intercom.Record{ID: `a/b"c`}},
		{"id that is no UTF-8", "{\"id\":\"a\xffb\"}", intercom.Record{ID: "a\ufffdb"}},
		{"keys with escapes", `{"\u0069d":"a","created\u005fat":1,"updated_a\u0074":2}`, intercom.Record{ID: "a", Created: 1, Updated: 2}},
		{"keys in capitals", `{"ID":"a","Created_at":1,"UPDATED_AT":2}`, intercom.Record{}},
		{"keys twice", `{"id":"a","updated_at":1,"id":"b","updated_at":2}`, intercom.Record{ID: "b", Updated: 2}},
		{"keys of objects inside", `{"author":{"id":"x","created_at":1},"parts":[{"id":"y","updated_at":2}]}`, intercom.Record{}},
		{"milliseconds", `{"created_at":1571672154123,"updated_at":"1571672154123"}`, intercom.Record{Created: 1571672154, Updated: 1571672154}},
		{"microseconds", `{"created_at":1571672154123456}`, intercom.Record{Created: 1571672154}},
		{"fractions and exponents", `{"created_at":1571672154.75,"updated_at":1.571672154e9}`, intercom.Record{Created: 1571672154, Updated: 1571672154}},
		{"ISO 8601", `{"created_at":"2024-01-02T03:04:05Z","updated_at":"2024-01-02T03:04:05.678+01:00"}`, intercom.Record{Created: 1704164645, Updated: 1704161045}},
		{"ISO 8601 without a zone", `{"created_at":"2024-01-02T03:04:05","updated_at":"2024-01-02 03:04:05 UTC"}`, intercom.Record{Created: 1704164645, Updated: 1704164645}},
		{"a day", `{"created_at":"2024-01-02"}`, intercom.Record{Created: 1704153600}},
		{"no time at all", `{"created_at":"soon","updated_at":-5}`, intercom.Record{}},
		{"times beyond all bounds", `{"created_at":1e400,"updated_at":99999999999999999999999}`, intercom.Record{}},
		{"nothing is infinite", `{"created_at":"inf","updated_at":"nan"}`, intercom.Record{}},
		{"a list that was cut", `{"id":"1","tags":{"type":"list","data":[],"has_more" : true}}`, intercom.Record{ID: "1", HasMore: true}},
		{"a list that was cut, deep inside", `{"a":[[{"b":{"has\u005fmore":true}}]]}`, intercom.Record{HasMore: true}},
		{"no list was cut", `{"id":"1","tags":{"has_more":false},"has_more":true,"x":"has_more","y":{"has_mores":true,"has_mor":true}}`, intercom.Record{ID: "1"}},
		{"white space around", " \n{ \"id\" : \"1\" }\t", intercom.Record{ID: "1"}},
		{"a text", `"x"`, intercom.Record{}},
		{"an empty object", `{}`, intercom.Record{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := intercom.ScanRecord([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Raw = []byte(strings.TrimSpace(tt.raw))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestScanRecordOffsets checks that an error names the byte at which the text
// stopped making sense.
func TestScanRecordOffsets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"a":1,}`: 7, `{"a" 1}`: 5, `{"a":tru}`: 8, `[1 2]`: 3, `{"id":"a` + "\n" + `"}`: 8, `01`: 1, `[1.x]`: 3, `"\q"`: 2, `"\u00zz"`: 5, `{} x`: 3,
		`{"a":1`: -1, `{"a":"b`: -1, `[`: -1, ``: -1, `-`: -1, `"\u12`: -1, `nul`: -1,
	} {
		_, err := intercom.ScanRecord([]byte(text))
		pageErr, ok := errors.AsType[*intercom.PageError](err)
		if !ok {
			t.Errorf("%q: error %v, want a PageError", text, err)
			continue
		}
		if pageErr.Offset != want {
			t.Errorf("%q: offset %d, want %d", text, pageErr.Offset, want)
		}
		if !pageErr.Temporary() {
			t.Errorf("%q: not temporary", text)
		}
	}
}

func TestScanRecordRawIsPartOfTheBody(t *testing.T) {
	t.Parallel()
	body := []byte(` {"id":"1"} `)
	record, err := intercom.ScanRecord(body)
	if err != nil {
		t.Fatal(err)
	}
	if &record.Raw[0] != &body[1] {
		t.Error("Raw is a copy")
	}
	if grown := append(record.Raw, 'x'); body[len(body)-1] != ' ' || &grown[0] == &body[1] {
		t.Error("appending to Raw writes over the body")
	}
}

// contact is a record much as the API serves it, of about two kilobytes.
func contact(id int) string {
	n := func(v int) string { return string(mustJSON(json.Marshal(v))) }
	s := `{"type":"contact","id":"5ba682d23d7cf92bef` + n(100000+id) + `","workspace_id":"ecahpwf5","external_id":"user-` + n(id) + `","role":"user","email":"joe` + n(id) + `@example.com","phone":"+1123456789","formatted_phone":null,"name":"Joe Example ` + n(id) + `","avatar":"https://example.com/avatars/` + n(id) + `.png","owner_id":` + n(id%7) + `,"social_profiles":{"type":"list","data":[{"type":"social_profile","name":"Twitter","url":"https://twitter.com/th1sland"}]},"has_hard_bounced":false,"marked_email_as_spam":false,"unsubscribed_from_emails":false,"created_at":` + n(1571672154+id) + `,"updated_at":` + n(1571672158+id) + `,"signed_up_at":1571069751,"last_seen_at":1571069751,"last_replied_at":1571672158,"last_contacted_at":1571672158,"last_email_opened_at":1571673478,"last_email_clicked_at":1571676789,"language_override":null,"browser":"chrome","browser_version":"77.0.3865.90","browser_language":"en","os":"OS X 10.14.6","location":{"type":"location","country":"Ireland","region":"Dublin","city":"Dublin","country_code":"IRL","continent_code":"EU"},"android_app_name":null,"android_app_version":null,"android_device":null,"android_os_version":null,"android_sdk_version":null,"android_last_seen_at":null,"ios_app_name":null,"ios_app_version":null,"ios_device":null,"ios_os_version":null,"ios_sdk_version":null,"ios_last_seen_at":null,"custom_attributes":{"paid_subscriber":true,"monthly_spend":155.5,"team_mates":9,"plan":"enterprise \"gold\"","note":"`
	tail := `"},"tags":{"type":"list","data":[{"type":"tag","id":"2","url":"/tags/2"},{"type":"tag","id":"4","url":"/tags/4"}],"url":"/contacts/5ba682d23d7cf92bef87bfd4/tags","total_count":2,"has_more":false},"notes":{"type":"list","data":[{"type":"note","id":"20114858","url":"/notes/20114858"}],"url":"/contacts/5ba682d23d7cf92bef87bfd4/notes","total_count":1,"has_more":false},"companies":{"type":"list","data":[{"type":"company","id":"5ba686093d7cf93552a3dc99","url":"/companies/5ba686093d7cf93552a3dc99"}],"url":"/contacts/5ba682d23d7cf92bef87bfd4/companies","total_count":1,"has_more":false},"opted_out_subscription_types":{"type":"list","data":[],"url":"/contacts/x/subscriptions","total_count":0,"has_more":false},"utm_campaign":null,"utm_content":null,"utm_medium":null,"utm_source":null,"utm_term":null,"referrer":"https://example.com/"}`
	const about = "The quick brown fox jumps over the lazy dog. Vor dem Übermut kommt der Fall. "
	if pad := 2048 - len(s) - len(tail); pad > 0 {
		s += strings.Repeat(about, pad/len(about)+1)[:pad]
	}
	return strings.ToValidUTF8(s+tail, "")
}

func mustJSON(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// contactPage is a page of n contacts as a search serves it.
func contactPage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"type":"list","data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(contact(i))
	}
	b.WriteString(`],"total_count":100000,"pages":{"type":"pages","next":{"page":2,"starting_after":"WzE1NzE2NzIxNTgwMDAsIjViYTY4MmQyM2Q3Y2Y5MmJlZjg3YmZkNCIsMl0="},"page":1,"per_page":150,"total_pages":667}}`)
	return []byte(b.String())
}

var searchContacts = &intercom.Operation{Method: "POST", Path: "/contacts/search", Items: "data", Paging: intercom.CursorBody, PerPage: 150}

// BenchmarkSplitPage splits a page of 150 contacts of two kilobytes. Compare
// with the other benchmarks of the same page.
func BenchmarkSplitPage(b *testing.B) {
	body := contactPage(150)
	resp := &intercom.Response{Status: 200, Body: body}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		page, err := intercom.SplitPage(searchContacts, resp)
		if err != nil || len(page.Records) != 150 {
			b.Fatal(len(page.Records), err)
		}
	}
}

// BenchmarkJSONRawMessages is the yardstick: what encoding/json takes to split
// the page without finding an id.
func BenchmarkJSONRawMessages(b *testing.B) {
	body := contactPage(150)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var page struct {
			Data []json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(body, &page); err != nil || len(page.Data) != 150 {
			b.Fatal(len(page.Data), err)
		}
	}
}

// BenchmarkJSONValid is what encoding/json takes to check the page alone.
func BenchmarkJSONValid(b *testing.B) {
	body := contactPage(150)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if !json.Valid(body) {
			b.Fatal("invalid")
		}
	}
}

// TestSplitPageAllocatesLittle keeps the cost of a page independent of the size
// of its records: an id each, and a handful for the page.
func TestSplitPageAllocatesLittle(t *testing.T) { //nolint:paralleltest // others would allocate meanwhile
	resp := &intercom.Response{Status: 200, Body: contactPage(150)}
	got := testing.AllocsPerRun(20, func() {
		if _, err := intercom.SplitPage(searchContacts, resp); err != nil {
			t.Fatal(err)
		}
	})
	if limit := 150 + 20.0; math.Ceil(got) > limit {
		t.Errorf("%v allocations, want at most %v", got, limit)
	}
}

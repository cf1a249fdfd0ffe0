package intercomtest_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom/intercomtest"
)

// Whatever a payload looks like, its values come back as they were sent.
func FuzzPayloads(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a"}`, `{"name":1,"a":1.50,"b":12345678901234567890,"c":"\u00e9\"\\ }","d":{"e":[{},[],"]}",null]}}`,
		" {\n\t\"name\" : [ 1 , 2 ] , \"b\":true }\r\n", `{"name":{},"a\"b":"{\"","":{}}`, `{"name":1,"name":{"b":2}}`, `{"name":-1e-7}`,
		`[1]`, `{"a":}`, `{"a":1`, `"a"`, `{"name":"\ud800","\udfff":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ws := intercomtest.New(intercomtest.Config{Contacts: -1, Conversations: -1, Tickets: -1, Companies: -1, Articles: -1})
		r := post(t, ws, "/audiences", string(body))
		var sent map[string]any
		if r.Status == 400 {
			if json.Unmarshal(body, &sent) == nil && sent["name"] != nil {
				t.Fatalf("refused %s", r.Body)
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&sent); err != nil || r.Status != 201 {
			t.Fatalf("got %d (%v)\n%s", r.Status, err, r.Body)
		}
		var got map[string]any
		d = json.NewDecoder(bytes.NewReader(r.Body))
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%v\n%s", err, r.Body)
		}
		for key, want := range sent {
			if key == "id" {
				continue // the workspace's own
			}
			if diff := cmp.Diff(want, got[key]); diff != "" {
				t.Errorf("%q (-want +got)\n%s", key, diff)
			}
		}
	})
}

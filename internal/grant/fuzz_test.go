package grant_test

import (
	"net/http"
	"strings"
	"testing"
)

// Whatever anybody sends: no crash, no token, an answer with its headers, no
// 5xx without a line in the log, and nothing of it comes back.
func FuzzHandler(f *testing.F) {
	for _, seed := range [][4]string{
		{"GET", "/oauth/callback", "state=AAAA&code=BBBB", ""},
		{"GET", "/oauth/callback", "state=AAAA&state=BBBB&code=%3D", ""},
		{"GET", "/oauth/callback", "%zz;&&&==", ""},
		{"GET", "/oauth/callback", "error=access_denied&state=", ""},
		{"GET", "/oauth/callback", "state=" + strings.Repeat("A", 43) + "&code=a%00b", ""},
		{"GET", "/oauth/callback", strings.Repeat("a=b&", 4000), ""},
		{"HEAD", "/oauth/callback", "state=x", ""},
		{"POST", "/oauth/uninstall", "", `{"app_id":"ab12cd34"}`},
		{"POST", "/oauth/uninstall", "", `{"app_id":["ab12cd34"]}`},
		{"DELETE", "//oauth/uninstall", "", "\xff"},
		{"", "", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		b := newBench(t)
		got := b.ask(method, path+"?"+query, strings.NewReader(body))
		if got.status < 200 || got.status > 599 || got.header.Get("Content-Security-Policy") == "" {
			t.Errorf("answered %d with %v", got.status, got.header)
		}
		if got.status >= 500 && !strings.Contains(b.log.String(), `"level":"ERROR"`) {
			t.Errorf("%d without a line in the log", got.status)
		}
		if b.vault.count("main")+b.vault.count("other") > 0 || b.authority.Exchanges() > 0 {
			t.Error("a code was exchanged without a link")
		}
		if len(query) > 60 && (strings.Contains(got.body, query) || strings.Contains(b.log.String(), query)) {
			t.Error("the query comes back")
		}
		if got.status == http.StatusOK && method == http.MethodGet {
			t.Error("success without a link")
		}
	})
}

package intercom_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"intercom-connector/shared/intercom"
)

func TestMe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server server
		want   intercom.Me
		is     error
	}{
		{
			"all told",
			always(200, `{"type":"admin","id":"42","name":"Ann","email":"a@example.com","app":{"type":"app","id_code":"ab12cd34","name":"Shop","region":"EU","timezone":"Europe/Amsterdam","created_at":1734537243}}`),
			intercom.Me{AdminID: "42", Name: "Ann", Workspace: "ab12cd34", WorkspaceName: "Shop", Region: "eu", Timezone: "Europe/Amsterdam", Created: time.Unix(1734537243, 0).UTC()},
			nil,
		},
		{"a number for an id", always(200, `{"id":42,"app":{"id_code":"ab12cd34","region":null}}`), intercom.Me{AdminID: "42", Workspace: "ab12cd34"}, nil},
		{"no app", always(200, `{"id":"42"}`), intercom.Me{AdminID: "42"}, nil},
		{"not permitted", always(403, errorList("forbidden", "no")), intercom.Me{}, intercom.ErrForbidden},
		{"wrong token", always(401, errorList("unauthorized", "no")), intercom.Me{}, intercom.ErrUnauthorized},
		{"half an answer", always(200, `{"id":"42"`), intercom.Me{}, intercom.ErrNotJSON},
		{"a list", always(200, `[]`), intercom.Me{}, intercom.ErrNotJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(t, intercom.Config{Transport: tt.server}).Me(t.Context())
			if !errors.Is(err, tt.is) {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			if told := !got.Date.IsZero(); told != (tt.is == nil) {
				t.Errorf("date %v", got.Date)
			}
			got.Date = time.Time{}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("me (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckRegion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ configured, actual, want string }{
		{"us", "US", ""},
		{"us", "us-east-1", ""},
		{"eu", "Europe", ""},
		{"eu", " eu-west-1 ", ""},
		{"au", "AU", ""},
		{"us", "EU", "set region: eu"},
		{"eu", "United States", "set region: us"},
		{"us", "Australia", "set region: au"},
		{"eu", "ap-southeast-2", "set region: au"},
		{"", "EU", ""},
		{"us", "", ""},
		{"us", "mars", ""},
	} {
		err := intercom.CheckRegion(tt.configured, intercom.Me{Region: tt.actual})
		var region *intercom.RegionError
		if errors.As(err, &region) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("configured %q, token of %q: error %v, want %q", tt.configured, tt.actual, err, tt.want)
		}
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	if got, want := intercom.Regions(), []string{"au", "eu", "us"}; !slices.Equal(got, want) {
		t.Errorf("regions %q, want %q", got, want)
	}
	for region, want := range map[string]string{"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io", "EU": "", "": ""} {
		if got, ok := intercom.BaseURL(region); got != want || ok != (want != "") {
			t.Errorf("base of %q is %q, %v; want %q", region, got, ok, want)
		}
	}
}

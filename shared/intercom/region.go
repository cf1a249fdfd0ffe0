package intercom

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// regions are the bases of the API in each of Intercom's regions
// (https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis/regional-hosting).
var regions = map[string]string{
	"us": "https://api.intercom.io",
	"eu": "https://api.eu.intercom.io",
	"au": "https://api.au.intercom.io",
}

// Regions returns the names of Intercom's regions, sorted.
func Regions() []string { return slices.Sorted(maps.Keys(regions)) }

// BaseURL returns the base of the API in a region, or false for a name that is
// not one of Regions.
func BaseURL(region string) (string, bool) {
	base, ok := regions[region]
	return base, ok
}

// normalRegion reads the ways in which answers spell a region. It is "" for
// one that is not known.
func normalRegion(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	for _, region := range [...]struct{ name, prefix, long string }{
		{"us", "us-", "united states"},
		{"eu", "eu-", "europe"},
		{"au", "ap-", "australia"},
	} {
		if s == region.name || s == region.long || strings.HasPrefix(s, region.prefix) {
			return region.name
		}
	}
	switch s {
	case "usa", "america", "north america":
		return "us"
	case "european union":
		return "eu"
	}
	return ""
}

// A RegionError is a token of a workspace that lives in another region than
// the client is configured for.
type RegionError struct {
	Configured string // us, eu or au
	Actual     string // us, eu or au
}

// Error says which region to set.
func (e *RegionError) Error() string {
	return fmt.Sprintf("intercom: the token's workspace is in region %s, the client is configured for %s: set region: %s",
		e.Actual, e.Configured, e.Actual)
}

// CheckRegion compares the configured region with that of the token's
// workspace. The error is a [*RegionError]. It is nil where either is unknown:
// a client with a base URI of its own has no region.
func CheckRegion(configured string, me Me) error {
	want, actual := normalRegion(configured), normalRegion(me.Region)
	if want == "" || actual == "" || want == actual {
		return nil
	}
	return &RegionError{Configured: want, Actual: actual}
}

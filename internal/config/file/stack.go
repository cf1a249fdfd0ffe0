package file

import (
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"intercom-connector/internal/config"
)

// retentions are the days that CloudWatch lets a log group keep its logs.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

const defaultRetention = 30

// maxTags is what CloudFormation takes for a stack.
const maxTags = 50

// What AWS takes as a tag, and the ids of a network.
var (
	tagText   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	networkID = map[string]*regexp.Regexp{
		"vpc":             regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`),
		"subnets":         regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`),
		"security_groups": regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`),
	}
	networkExample = map[string]string{"vpc": "vpc-0a1b2c3d", "subnets": "subnet-0a1b2c3d", "security_groups": "sg-0a1b2c3d"}
)

func (c *checker) stack(doc *Stack) config.Stack {
	n := doc.node
	stack := config.Stack{
		Tags:         c.tags(n.get("tags"), doc.Tags),
		Tracing:      or(doc.Tracing, false),
		LogRetention: c.retention(n, doc.LogRetention),
		AlarmEmail:   doc.AlarmEmail,
		Network:      c.network(doc.Network),
	}
	if doc.AlarmEmail != "" {
		if a, err := mail.ParseAddress(doc.AlarmEmail); err != nil || a.Address != doc.AlarmEmail {
			c.add(n.place("alarm_email"), "alarm_email %q is not an address such as on-call@example.com", doc.AlarmEmail)
		}
	}
	return stack
}

func (c *checker) tags(n *node, doc map[string]Text) map[string]string {
	if len(doc) == 0 {
		return nil
	}
	if len(doc) > maxTags {
		c.add(n.keyAt, "%d tags: AWS takes %d", len(doc), maxTags)
	}
	tags := make(map[string]string, len(doc))
	for _, key := range slices.Sorted(maps.Keys(doc)) {
		value := string(doc[key])
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			c.add(n.keyPlace(key), "the tag %q cannot begin with aws:, which is AWS's own", key)
		case len(key) > 128 || !tagText.MatchString(key):
			c.add(n.keyPlace(key), "%q cannot be a tag: a tag has up to 128 letters, digits, spaces and _ . : / = + - @", key)
		case len(value) > 256 || !tagText.MatchString(value):
			c.add(n.place(key), "tag %s cannot be %q: a value has up to 256 letters, digits, spaces and _ . : / = + - @", key, value)
		}
		tags[key] = value
	}
	return tags
}

// retention is in days.
func (c *checker) retention(n *node, text string) int {
	d := c.duration(n, "log_retention", text, defaultRetention*day, 0, 0)
	days := int(d / day)
	if text != "" && d != 0 && (d%day != 0 || !slices.Contains(retentions, days)) {
		nearest := retentions[0]
		for _, r := range retentions {
			if time.Duration(r)*day <= d {
				nearest = r
			}
		}
		c.add(n.place("log_retention"), "log_retention cannot be %s: CloudWatch has no such choice; %s is the nearest below", text, showDuration(time.Duration(nearest)*day))
	}
	return days
}

func (c *checker) network(doc *Network) *config.Network {
	if doc == nil {
		return nil
	}
	n := doc.node
	check := func(key string, ids ...string) {
		for _, id := range ids {
			if id != "" && !networkID[key].MatchString(id) {
				c.add(n.place(key), "%s: %q is not an id such as %s", key, id, networkExample[key])
			}
		}
		if list := n.get(key); list != nil && list.kind == listKind && len(ids) == 0 {
			c.add(n.keyPlace(key), "%s is empty: there has to be one at least", key)
		}
	}
	check("vpc", doc.VPC)
	check("subnets", doc.Subnets...)
	check("security_groups", doc.SecurityGroups...)
	return &config.Network{VPC: doc.VPC, Subnets: doc.Subnets, SecurityGroups: doc.SecurityGroups}
}

package file

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// The ARNs of what can be a destination.
var arns = map[string]*regexp.Regexp{
	"sqs":         regexp.MustCompile(`^arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?$`),
	"s3":          regexp.MustCompile(`^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`),
	"eventbridge": regexp.MustCompile(`^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus/[A-Za-z0-9/._-]{1,256}$`),
}

var arnExamples = map[string]string{
	"sqs":         "arn:aws:sqs:eu-west-1:123456789012:name",
	"s3":          "arn:aws:s3:::name",
	"eventbridge": "arn:aws:events:eu-west-1:123456789012:event-bus/name",
}

func (c *checker) destination(doc *Destination) config.Destination {
	if doc == nil { // missing, and said to be
		return config.Destination{}
	}
	n := doc.node
	to := config.Destination{Type: doc.Type, FIFO: or(doc.FIFO, false), ARN: doc.ARN, Path: doc.Path, Name: doc.Name}
	if to.Type == "" {
		return to
	}
	pattern, remote := arns[to.Type]
	for key, allowed := range map[string]bool{
		"fifo": to.Type == "sqs", "arn": remote, "path": to.Type == "file", "name": to.Type == "publisher",
	} {
		if !allowed && n.get(key) != nil {
			c.add(n.keyPlace(key), "a destination of type %s has no %s", to.Type, key)
		}
	}
	switch {
	case to.Type == "file" && n.get("path") == nil:
		c.add(n.keyAt, "a destination of type file needs a path")
	case to.Type == "publisher" && n.get("name") == nil:
		c.add(n.keyAt, "a destination of type publisher needs its name")
	case !remote || to.ARN == "":
	case !pattern.MatchString(to.ARN):
		c.add(n.place("arn"), "arn is not one of %s, such as %s", to.Type, arnExamples[to.Type])
	case to.Type == "sqs" && strings.HasSuffix(to.ARN, ".fifo") != to.FIFO:
		c.add(n.place("arn"), "the name of a queue ends in .fifo where fifo is true, and only there")
	}
	return to
}

// route checks a subscription that feeds a publisher.
func (c *checker) route(doc *Subscription, s *config.Subscription, subject string) {
	if s.To.Type != "publisher" || s.To.Name == "" {
		return
	}
	n := doc.To.node
	pub, known := c.doc.Publishers[s.To.Name]
	if !known {
		all := slices.Sorted(maps.Keys(c.doc.Publishers))
		switch near := intercom.Near(s.To.Name, all); {
		case len(near) > 0:
			c.add(n.place("name"), "no publisher %q: did you mean %q?", s.To.Name, near[0])
		case len(all) == 0:
			c.add(n.place("name"), "no publisher %q: the file has none", s.To.Name)
		default:
			c.add(n.place("name"), "no publisher %q: there is %s", s.To.Name, list(all, "and"))
		}
		return
	}
	if pub == nil {
		return
	}
	if s.Enabled && !or(pub.Enabled, true) {
		c.add(n.place("name"), "publisher %s is not enabled: nothing can go there as long as it is not", s.To.Name)
	}
	if s.Sync == config.Incremental && pub.Client == doc.Client {
		c.note(subject, "It writes to the workspace that it reads: if publisher %s changes records that it reads, their changes are read again, and so on.", s.To.Name)
	}
}

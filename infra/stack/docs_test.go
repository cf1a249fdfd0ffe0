package stack_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"intercom-connector/internal/config"
)

func document(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// section is what stands below a heading.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("no %q", heading)
	}
	level := heading[:strings.Index(heading, " ")]
	if end := regexp.MustCompile(`(?m)^#{1,` + strconv.Itoa(len(level)) + `} `).FindStringIndex(below); end != nil {
		below = below[:end[0]]
	}
	return below
}

// Every statement of every policy is explained, and nothing else is.
func TestPermissionsAreExplained(t *testing.T) {
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z][A-Za-z, ]+) \|`).FindAllStringSubmatch(section(t, document(t, "security.md"), "## Who may do what"), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			explained[name] = true
		}
	}
	used := map[string]bool{}
	for _, tt := range drawings {
		for _, s := range draw(t, tt.path, tt.prod).statements(t) {
			if s.Sid == "" { // of a role, who may take it on; of the bucket, TLS
				continue
			}
			used[s.Sid] = true
			if !explained[s.Sid] {
				t.Errorf("%s: docs/security.md does not explain %s", s.id, s.Sid)
			}
		}
	}
	for name := range explained {
		if !used[name] {
			t.Errorf("docs/security.md explains %s, which nobody has", name)
		}
	}
}

// Every rule of cdk-nag that is suppressed is listed, with the reason in the template.
func TestSuppressionsAreListed(t *testing.T) {
	listed := section(t, document(t, "security.md"), "## What cdk-nag leaves open")
	used := map[string]bool{}
	for _, tt := range drawings {
		for id, r := range draw(t, tt.path, tt.prod).Resources {
			nag, _ := r.Metadata["cdk_nag"].(map[string]any)
			rules, _ := nag["rules_to_suppress"].([]any)
			for _, rule := range rules {
				m := rule.(map[string]any)
				name := m["id"].(string)
				used[name] = true
				if reason, _ := m["reason"].(string); len(reason) < 20 {
					t.Errorf("%s: %s is suppressed because of %q", id, name, reason)
				}
				if !strings.Contains(listed, "| "+name+" |") {
					t.Errorf("%s: docs/security.md does not list %s", id, name)
				}
			}
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (AwsSolutions-\w+) \|`).FindAllStringSubmatch(listed, -1) {
		if !used[row[1]] {
			t.Errorf("docs/security.md lists %s, which is not suppressed", row[1])
		}
	}
}

// Each alarm says what it means, what to type first and where to read on, and
// there it has a section.
func TestAlarms(t *testing.T) {
	page := section(t, document(t, "operations.md"), "## Alarms")
	description := regexp.MustCompile(`^[A-Z].*\. First: ((?:connector|aws) .*)\. More: docs/operations\.md#([a-z]+)$`)
	sections := map[string]bool{}
	for _, tt := range drawings {
		d := draw(t, tt.path, tt.prod)
		for id, a := range d.ofType("AWS::CloudWatch::Alarm") {
			p := a.Properties
			m := description.FindStringSubmatch(p["AlarmDescription"].(string))
			if m == nil {
				t.Errorf("%s: %v", id, p["AlarmDescription"])
				continue
			}
			if strings.HasPrefix(m[1], "connector ") && !strings.HasSuffix(m[1], " --stack "+string(d.name)) {
				t.Errorf("%s: %s is about another stack", id, m[1])
			}
			heading := ""
			for _, h := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(page, -1) {
				if strings.ToLower(h[1]) == m[2] {
					heading = h[1]
				}
			}
			if heading == "" || !strings.HasPrefix(p["AlarmName"].(string), string(d.name)+"_"+heading) {
				t.Errorf("%s: no section for %v", id, p["AlarmName"])
				continue
			}
			sections[heading] = true
			if command := strings.Fields(m[1])[1]; !strings.Contains(section(t, page, "### "+heading), m[1][:len("aws ")]) || !strings.Contains(section(t, page, "### "+heading), command) {
				t.Errorf("%s: the section says another command than %s first", id, m[1])
			}
			if p["TreatMissingData"] != "notBreaching" {
				t.Errorf("%s: without data it is %v", id, p["TreatMissingData"])
			}
			if !strings.Contains(text(p["AlarmActions"]), "Alarms") || text(p["AlarmActions"]) != text(p["OKActions"]) {
				t.Errorf("%s tells %s when it begins and %s when it ends", id, text(p["AlarmActions"]), text(p["OKActions"]))
			}
		}
	}
	for _, h := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(page, -1) {
		if !sections[h[1]] {
			t.Errorf("docs/operations.md has a section %s and no alarm", h[1])
		}
	}
}

// What docs/costs.md counts is what the stack has, and it can add.
func TestCosts(t *testing.T) {
	for _, tt := range []struct{ heading, path string }{
		{"### The small stack", "testdata/small.yaml"},
		{"### The example", example},
	} {
		t.Run(tt.path, func(t *testing.T) {
			d := draw(t, tt.path, true)
			rows := costs(t, section(t, document(t, "costs.md"), tt.heading))
			runs := firings(d.cfg)
			standard, fifo := 0, 0
			for id := range d.ofType("AWS::SQS::Queue") {
				for _, m := range d.ofType("AWS::Lambda::EventSourceMapping") {
					if strings.Contains(text(m.Properties["EventSourceArn"]), `"`+id+`"`) {
						if d.Resources[id].Properties["FifoQueue"] == true {
							fifo++
						} else {
							standard++
						}
					}
				}
			}
			const polls = 648_000 // five pollers, every 20 seconds, for 30 days
			want := map[string]float64{
				"metrics that alarms look at":  float64(len(d.ofType("AWS::CloudWatch::Alarm"))),
				"secrets":                      float64(len(d.ofType("AWS::SecretsManager::Secret"))),
				"empty polls, standard queues": float64(standard * polls),
				"empty polls, FIFO queues":     float64(fifo * polls),
				"firings":                      float64(runs),
				"invocations":                  float64(runs),
				"GB-seconds, arm64":            math.Round(float64(runs) * 1.5 * 0.5),
			}
			for item, n := range want {
				if rows[item].many != n {
					t.Errorf("%s: docs/costs.md says %v, the stack has %v", item, rows[item].many, n)
				}
			}
			sum := 0.0
			for item, row := range rows {
				if item == "total" {
					continue
				}
				sum += row.usd
				if got := math.Round(row.many*row.price*100) / 100; math.Abs(got-row.usd) > 0.001 {
					t.Errorf("%s: %v times %v is %v, not %v", item, row.many, row.price, got, row.usd)
				}
			}
			if total := rows["total"].usd; math.Abs(total-sum) > 0.001 {
				t.Errorf("the sum is %.2f, not %.2f", sum, total)
			}
			if tt.path != example && rows["total"].usd >= 5 {
				t.Errorf("the small stack costs %.2f", rows["total"].usd)
			}
			// What has a price of its own and is in no table.
			for _, kind := range []string{"AWS::KMS::Key", "AWS::EC2::NatGateway", "AWS::DynamoDB::GlobalTable", "AWS::SecretsManager::RotationSchedule"} {
				if n := len(d.ofType(kind)); n > 0 {
					t.Errorf("%d %s cost something", n, kind)
				}
			}
			for id, p := range d.ofType("AWS::SSM::Parameter") {
				if p.Properties["Tier"] != "Intelligent-Tiering" || len(text(p.Properties["Value"])) > 4096 {
					t.Errorf("%s costs five cents", id)
				}
			}
		})
	}
}

// The dashboard of the example is one of those that are free.
func TestDashboardIsFree(t *testing.T) {
	for path, most := range map[string]int{example: 50, "testdata/small.yaml": 50} {
		d := draw(t, path, true)
		boards := d.ofType("AWS::CloudWatch::Dashboard")
		for id, b := range boards {
			body := text(b.Properties["DashboardBody"])
			if n := strings.Count(body, `\"stat\"`); n == 0 || n > most {
				t.Errorf("%s: %s has %d metrics", path, id, n)
			}
		}
		if len(boards) != 1 {
			t.Errorf("%s: %d dashboards", path, len(boards))
		}
	}
}

type cost struct{ many, price, usd float64 }

// costs reads a table of docs/costs.md.
func costs(t *testing.T, text string) map[string]cost {
	t.Helper()
	rows := map[string]cost{}
	number := func(s string) float64 {
		s = strings.NewReplacer(",", "", "*", "", " ", "").Replace(s)
		if s == "" {
			return 0
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Errorf("docs/costs.md: %v", err)
		}
		return n
	}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "-") || strings.Contains(line, "| item |") {
			continue
		}
		rows[strings.Trim(cells[1], " *")] = cost{number(cells[2]), number(cells[3]), number(cells[4])}
	}
	if len(rows) < 5 {
		t.Fatalf("no table in %q", text)
	}
	return rows
}

// firings are how often the schedules of a configuration and the watch fire in 30
// days: June 2026 begins on a Monday.
func firings(cfg *config.Config) int {
	const hours = 30 * 24
	n := hours // the watch
	for _, s := range cfg.Subscriptions {
		if s.Schedule == nil || !s.Enabled {
			continue
		}
		at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		end := at.Add(hours * time.Hour)
		for {
			next, ok := s.Schedule.Next(at)
			if !ok || next.After(end) {
				break
			}
			at = next
			n++
		}
	}
	return n
}

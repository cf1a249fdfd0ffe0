package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A logEntry is a line that has been read.
type logEntry struct {
	line   string
	fields []logField // nil for one that is not a JSON object
}

type logField struct {
	key   string
	value json.RawMessage
}

// parseEntry reads a line and keeps its fields in their order.
func parseEntry(line string) logEntry {
	e := logEntry{line: strings.TrimSpace(line)}
	d := json.NewDecoder(strings.NewReader(e.line))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return e
	}
	var fields []logField
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		var f logField
		if err != nil || !ok || d.Decode(&f.value) != nil {
			return e
		}
		f.key = name
		fields = append(fields, f)
	}
	e.fields = fields
	return e
}

// get is a field as text, "" for none.
func (e *logEntry) get(key string) string {
	if e.fields == nil {
		return e.requestOf(key)
	}
	for _, f := range e.fields {
		if f.key == key {
			return plain(f.value)
		}
		if f.key == "record" && key == "requestId" { // Lambda's own lines
			var record struct {
				RequestID string `json:"requestId"`
			}
			if json.Unmarshal(f.value, &record) == nil {
				return record.RequestID
			}
		}
	}
	return ""
}

// requestOf finds the invocation in a line of Lambda's that is not JSON.
func (e *logEntry) requestOf(key string) string {
	if key != "requestId" {
		return ""
	}
	_, rest, found := strings.Cut(e.line, "RequestId: ")
	if !found {
		// 2026-01-31T12:00:00.000Z 8f5… Task timed out after 3.00 seconds
		if words := strings.Fields(e.line); len(words) > 3 && words[2] == "Task" {
			return words[1]
		}
		return ""
	}
	if words := strings.Fields(rest); len(words) > 0 {
		return words[0]
	}
	return ""
}

func plain(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

// isBad reports whether something went wrong: an error of ours, or the end of an
// invocation that was not its own.
func (e *logEntry) isBad() bool {
	if e.fields == nil {
		return strings.Contains(e.line, "Task timed out") || strings.Contains(e.line, "Status: ") ||
			strings.Contains(e.line, "Runtime exited") || strings.HasPrefix(e.line, "panic:") || strings.HasPrefix(e.line, "fatal error:")
	}
	if status := e.platformStatus(); status != "" {
		return status != "success"
	}
	return e.get("level") == "ERROR"
}

// platformStatus is how an invocation ended, of Lambda's own line about it.
func (e *logEntry) platformStatus() string {
	switch e.get("type") {
	case "platform.report", "platform.runtimeDone", "platform.initRuntimeDone":
	default:
		return ""
	}
	for _, f := range e.fields {
		var record struct {
			Status string `json:"status"`
		}
		if f.key == "record" && json.Unmarshal(f.value, &record) == nil {
			return record.Status
		}
	}
	return ""
}

// raw is the line as JSON.
func (e *logEntry) raw() json.RawMessage {
	if e.fields != nil {
		return json.RawMessage(e.line)
	}
	text, _ := json.Marshal(e.line) // a string is never refused
	return text
}

// text is the line for people, "" for one that says nothing to them: metrics,
// and beginnings and ends of invocations that went well.
func (e *logEntry) text() string {
	if e.fields == nil {
		for _, dull := range []string{"START ", "END ", "INIT_START "} {
			if strings.HasPrefix(e.line, dull) {
				return ""
			}
		}
		if strings.HasPrefix(e.line, "REPORT ") && !e.isBad() {
			return ""
		}
		return oneLine(e.line)
	}
	if e.get("_aws") != "" {
		return ""
	}
	if kind := e.get("type"); strings.HasPrefix(kind, "platform.") {
		if !e.isBad() {
			return ""
		}
		return "ERROR the invocation ended with status " + oneLine(e.platformStatus()) + " requestId=" + oneLine(e.get("requestId"))
	}
	parts := []string{cmp.Or(e.get("level"), "-"), cmp.Or(e.get("message"), e.get("msg"))}
	for _, f := range e.fields {
		switch f.key {
		case "level", "message", "msg", "timestamp", "time", "function":
		case "report":
			parts = append(parts, reportText(f.value))
		default:
			parts = append(parts, f.key+"="+quotedValue(f.value))
		}
	}
	return oneLine(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " "))
}

// quotedValue is a value that ends where it seems to end.
func quotedValue(value json.RawMessage) string {
	text := plain(value)
	if len(value) == 0 || value[0] != '"' {
		var b bytes.Buffer
		if json.Compact(&b, value) == nil {
			return b.String()
		}
		return text
	}
	if text == "" || strings.ContainsAny(text, " \t\n\"") {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// reportText is what matters of a run's report.
func reportText(value json.RawMessage) string {
	var r struct {
		Requests    int64 `json:"requests"`
		Records     int64 `json:"records"`
		Events      int64 `json:"events"`
		Quarantined int64 `json:"quarantined"`
	}
	if json.Unmarshal(value, &r) != nil {
		return ""
	}
	text := fmt.Sprintf("requests=%d records=%d events=%d", r.Requests, r.Records, r.Events)
	if r.Quarantined > 0 {
		text += fmt.Sprintf(" quarantined=%d", r.Quarantined)
	}
	return text
}

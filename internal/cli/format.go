package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// number writes 1234567 as 1,234,567.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// count writes a number with what it counts: 1 request, 2 requests.
func count(n int64, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		return number(n) + " " + strings.TrimSuffix(what, "y") + "ies"
	default:
		return number(n) + " " + what + "s"
	}
}

// size writes bytes as people read them.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(bytes)/(1<<10))
	default:
		return count(bytes, "byte")
	}
}

// lasting writes a duration as precisely as it matters: 0.4 s, 12 s, 3 min 5 s,
// 2 h 10 min, 3 d 4 h.
func lasting(d time.Duration) string {
	pair := func(big int64, bigUnit string, small int64, smallUnit string) string {
		if small == 0 {
			return fmt.Sprintf("%d %s", big, bigUnit)
		}
		return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
	}
	switch {
	case d < 0:
		return "-" + lasting(-d)
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	seconds := int64(d.Round(time.Second) / time.Second)
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return pair(seconds/60, "min", seconds%60, "s")
	case seconds < 86400:
		return pair(seconds/3600, "h", seconds%3600/60, "min")
	default:
		return pair(seconds/86400, "d", seconds%86400/3600, "h")
	}
}

// moment writes a time in UTC, "none" for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// oneLine keeps what is not ours, an error's text say, from breaking lines or
// talking to the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == '\x1b' || unicode.IsPrint(r):
			return r
		default:
			return utf8.RuneError
		}
	}, strings.TrimSpace(s))
}

// cut shortens a text to so many characters.
func cut(s string, characters int) string {
	if characters < 1 || utf8.RuneCountInString(s) <= characters {
		return s
	}
	return string([]rune(s)[:characters-1]) + "…"
}

// list writes names as people do: a, b and c.
func list(names []string, last string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	end := len(names) - 1
	return strings.Join(names[:end], ", ") + " " + last + " " + names[end]
}

// table writes rows in aligned columns.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := io.WriteString(t, strings.TrimRight(strings.Join(row, "\t"), "\t")+"\n"); err != nil {
			return err
		}
	}
	return t.Flush()
}

// writeJSON writes a value for programs, indented because people look, too.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// pretty indents JSON, and leaves alone what is not. Characters that were
// escaped for the sake of HTML are shown as themselves.
func pretty(raw []byte, prefix string) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, prefix, "  ") != nil {
		return string(raw)
	}
	return unescape.Replace(b.String())
}

// The pair of backslashes comes first: what follows it is not escaped.
var unescape = strings.NewReplacer(`\\`, `\\`, `\u003e`, ">", `\u003c`, "<", `\u0026`, "&")

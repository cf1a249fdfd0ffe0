package file

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is one problem of a file.
type Error struct {
	File         string
	Line, Column int    // from 1; the column counts characters
	Message      string // without the place
	Source       string // the line itself, shortened around the column where it is long
	caret        int    // where the column is in Source, in characters from 0
}

// Error returns one line: file:line:column: message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Excerpt returns the source line and, below it, a caret at the column.
func (e *Error) Excerpt() string {
	return fmt.Sprintf("%5d | %s\n      | %s^", e.Line, e.Source, strings.Repeat(" ", e.caret))
}

// Errors are all problems of a file, ordered by their place.
type Errors []*Error

// Error returns every problem with its excerpt.
func (e Errors) Error() string {
	var b strings.Builder
	for i, one := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.Error() + "\n" + one.Excerpt())
	}
	return b.String()
}

// Unwrap returns the problems one by one.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// A Note is something about a configuration that is right, but that its
// author may not expect.
type Note struct {
	Subject string // what it is about: subscription contacts
	Text    string // a sentence
}

func (n Note) String() string { return n.Subject + ": " + n.Text }

// A place is a line and a column, both from 1; the zero place is the top.
type place struct{ line, column int }

// problems collects what is wrong with a file.
type problems struct {
	file  string
	lines []string
	list  Errors
}

func newProblems(file string, data []byte) *problems {
	text := strings.ToValidUTF8(string(data[:min(len(data), MaxSize)]), "\uFFFD")
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	return &problems{file: file, lines: lines}
}

// add notes a problem at a place.
func (p *problems) add(at place, format string, args ...any) {
	at.line = min(max(at.line, 1), len(p.lines))
	at.column = max(at.column, 1)
	e := &Error{File: p.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
	e.Source, e.caret = excerpt(p.lines[at.line-1], at.column-1)
	p.list = append(p.list, e)
}

// err returns what was collected in order, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	// A value that several aliases share is wrong once.
	return slices.CompactFunc(p.list, func(a, b *Error) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}

// excerpt shortens a line around a column, and makes what a terminal would
// act upon visible.
func excerpt(line string, column int) (string, int) {
	const width, before = 120, 80
	runes := []rune(line)
	column = min(column, len(runes))
	start := 0
	if column > before && len(runes) > width {
		start = column - before
	}
	end := min(len(runes), start+width)
	for i := start; i < end; i++ {
		switch {
		case runes[i] == '\t':
			runes[i] = ' '
		case !unicode.IsPrint(runes[i]):
			runes[i] = utf8.RuneError
		}
	}
	shown := string(runes[start:end])
	caret := column - start
	if start > 0 {
		shown, caret = "…"+shown, caret+1
	}
	if end < len(runes) {
		shown += "…"
	}
	return shown, caret
}

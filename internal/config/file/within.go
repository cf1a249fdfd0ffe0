package file

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// within returns where the byte at offset of a text stands in the file. Where
// the file does not hold the text as it is (folded, or with escapes before the
// place), it is where the text begins.
func (p *problems) within(n *node, offset int) place {
	offset = min(max(offset, 0), len(n.text))
	before := []rune(n.text[:offset])
	line := n.at.line - 1
	if line < 0 || line >= len(p.lines) {
		return n.at
	}
	if n.style == token.LiteralType {
		return p.withinBlock(n, line, before)
	}
	source := []rune(p.lines[line])
	i := n.at.column - 1
	if n.style == token.SingleQuoteType || n.style == token.DoubleQuoteType {
		i++
	}
	for _, r := range before {
		if i >= len(source) || source[i] != r || n.style == token.DoubleQuoteType && r == '\\' {
			return n.at
		}
		i++
		if n.style == token.SingleQuoteType && r == '\'' { // written twice
			i++
		}
	}
	return place{line: n.at.line, column: i + 1}
}

// withinBlock is within for a text behind |, whose header is on the given line.
func (p *problems) withinBlock(n *node, header int, before []rune) place {
	line := header + 1
	for _, r := range before {
		if r == '\n' {
			line++
		}
	}
	text := string(before)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	if line >= len(p.lines) {
		return n.at
	}
	// The indentation is that of the first line that has something on it.
	indent := 0
	for _, l := range p.lines[header+1:] {
		if trimmed := strings.TrimLeft(l, " "); trimmed != "" {
			indent = len(l) - len(trimmed)
			break
		}
	}
	if len(p.lines[line]) < indent || !strings.HasPrefix(p.lines[line][indent:], last) {
		return n.at
	}
	return place{line: line + 1, column: indent + utf8.RuneCountInString(last) + 1}
}

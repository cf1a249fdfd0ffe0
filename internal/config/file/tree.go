package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on what a file may make of itself.
const (
	maxDepth  = 100    // levels of nesting
	maxTokens = 50_000 // what the lexer makes of it: room for a thousand subscriptions
	maxNodes  = 50_000 // values, each alias counted as what it stands for
)

// A kind is what sort of value a node is.
type kind uint8

const (
	nullKind kind = iota
	textKind
	numberKind
	boolKind
	listKind
	mapKind
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "a number", "true or false", "a list", "a mapping"}[k]
}

// A node is a value of the file that knows its place.
type node struct {
	kind   kind
	at     place
	keyAt  place      // of the key that it belongs to, else its own
	text   string     // of a scalar: the text, or the number as written
	number string     // of a number: as JSON writes it
	yes    bool       // of true or false
	style  token.Type // of a scalar: how it was quoted
	broken bool       // a problem is known already: what follows from it is not
	fields []entry
	items  []*node

	size, height int // of the tree below, itself included
}

// An entry is one key of a mapping.
type entry struct {
	key   string
	at    place
	value *node
}

// get returns the value of a key, nil where there is none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// place returns where to point when the value of a key is wrong: at a scalar
// itself, at the key of anything larger, at the mapping where the key is missing.
func (n *node) place(key string) place {
	if n == nil {
		return place{}
	}
	value := n.get(key)
	if value == nil {
		return n.keyAt
	}
	if value.kind == mapKind || value.kind == listKind || value.kind == nullKind {
		return n.keyPlace(key)
	}
	return value.at
}

// keyPlace returns where a key stands, or else its mapping.
func (n *node) keyPlace(key string) place {
	for _, f := range n.fields {
		if f.key == key {
			return f.at
		}
	}
	return n.keyAt
}

// plain returns the value as encoding/json would, numbers as json.Number.
func (n *node) plain() any {
	switch n.kind {
	case textKind:
		return n.text
	case numberKind:
		return json.Number(n.number)
	case boolKind:
		return n.yes
	case listKind:
		all := make([]any, len(n.items))
		for i, item := range n.items {
			all[i] = item.plain()
		}
		return all
	case mapKind:
		all := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			all[f.key] = f.value.plain()
		}
		return all
	default:
		return nil
	}
}

// parseTree returns the mapping that the file is, nil where it is none.
func parseTree(data []byte, p *problems) *node {
	if !plausible(data, p) {
		return nil
	}
	parsed, err := parseYAML(data)
	if err != nil {
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok && syntax.Token != nil {
			where := at(syntax.Token)
			p.add(where, "not YAML: %s%s", syntax.Message, p.syntaxHint(where))
		} else {
			p.add(place{}, "this YAML cannot be read: %v", err)
		}
		return nil
	}
	var bodies []ast.Node
	for _, doc := range parsed.Docs {
		switch doc.Body.(type) {
		case nil, *ast.DirectiveNode, *ast.CommentGroupNode:
		default:
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		p.add(place{}, "the file is empty: it needs clients, and subscriptions or publishers")
		return nil
	case 1:
	default:
		p.add(at(first(bodies[1])), "a second document begins here: one file is one document")
		return nil
	}
	b := &builder{problems: p, anchors: map[string]*node{}}
	root := b.build(bodies[0], 0)
	if b.stopped {
		return nil
	}
	if root.kind != mapKind {
		p.add(root.at, "a configuration is a mapping with clients, subscriptions and publishers, not %s", root.kind)
		return nil
	}
	return root
}

// unquotedPath is a path with a parameter, which a mapping in braces takes apart.
var unquotedPath = regexp.MustCompile(`:\s+([a-z_]+(?:/[a-z_]+|/\{[a-z_]+\})*/\{[a-z_]+\}(?:/[a-z_]+|/\{[a-z_]+\})*)`)

// syntaxHint is what most likely mends the YAML of a line, "" where nobody knows.
func (p *problems) syntaxHint(where place) string {
	if where.line < 1 || where.line > len(p.lines) {
		return ""
	}
	line := p.lines[where.line-1]
	if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
		return ": indent with spaces, not with tabs"
	}
	if path := unquotedPath.FindStringSubmatch(line); path != nil {
		return fmt.Sprintf(": quote it: %q", path[1])
	}
	return ""
}

// plausible refuses what a parser should not be troubled with.
func plausible(data []byte, p *problems) bool {
	if len(data) > MaxSize {
		p.add(place{}, "the file is larger than %d KiB", MaxSize>>10)
		return false
	}
	if bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) {
		p.add(place{}, "the file is not text in UTF-8")
		return false
	}
	depth := 0
	for i, line := range strings.Split(string(data), "\n") {
		run := 0
		for _, c := range strings.TrimSpace(line) {
			if c != '-' && c != ' ' && c != '?' {
				break
			}
			run++
		}
		depth = max(depth+strings.Count(line, "[")+strings.Count(line, "{")-strings.Count(line, "]")-strings.Count(line, "}"), 0)
		if run > 10*maxDepth || depth > 50*maxDepth {
			p.add(place{line: i + 1}, "more than %d levels of nesting", maxDepth)
			return false
		}
	}
	return true
}

// parseYAML is the parser behind a net: input must not be able to end us.
func parseYAML(data []byte) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("the parser gave up: %v", r)
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if len(tokens) > maxTokens { // the parser's time grows with their square
		return nil, fmt.Errorf("more than %d words and signs", maxTokens)
	}
	// Its own search for duplicate keys stops at the first one.
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// first returns a token at the start of a node: a mapping's own is a colon.
func first(n ast.Node) *token.Token {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return v.Key.GetToken()
	}
	return n.GetToken()
}

func at(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{line: t.Position.Line, column: t.Position.Column}
}

package file

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A builder makes nodes of the parser's.
type builder struct {
	*problems

	anchors map[string]*node
	nodes   int
	stopped bool // over a bound: everything from here on is void
}

// build never returns nil.
func (b *builder) build(from ast.Node, depth int) *node {
	n := &node{}
	if from == nil {
		return n
	}
	n.at = at(first(from))
	n.keyAt = n.at
	b.count(1, depth, n.at)
	if b.stopped {
		return n
	}
	switch v := from.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		n.kind, n.text, n.style = textKind, v.Value, v.Token.Type
	case *ast.LiteralNode:
		n.kind, n.text, n.style = textKind, v.Value.Value, v.Start.Type
	case *ast.BoolNode:
		n.kind, n.yes, n.text = boolKind, v.Value, v.Token.Value
	case *ast.IntegerNode:
		n.kind, n.text, n.number = numberKind, v.Token.Value, jsonNumber(v.Token.Value, v.Value)
	case *ast.FloatNode:
		n.kind, n.text, n.number = numberKind, v.Token.Value, jsonNumber(v.Token.Value, v.Value)
	case *ast.MappingNode:
		b.mapping(n, v.Values, depth)
	case *ast.MappingValueNode:
		b.mapping(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		n.kind = listKind
		for _, item := range v.Values {
			child := b.build(item, depth+1)
			n.items = append(n.items, child)
			n.measure(child)
		}
	case *ast.AnchorNode:
		anchored := b.build(v.Value, depth)
		if v.Name != nil {
			b.anchors[v.Name.GetToken().Value] = anchored
		}
		return anchored
	case *ast.AliasNode:
		return b.alias(n, v, depth)
	case *ast.TagNode:
		inner := b.build(v.Value, depth)
		if name := v.Start.Value; name != "!!str" || inner.kind == mapKind || inner.kind == listKind {
			b.add(n.at, "the tag %s is not used here", name)
			inner.broken = true
		} else {
			inner.kind = textKind
		}
		return inner
	default:
		n.broken = true
		b.add(n.at, "%s is not used here", strings.ToLower(from.Type().String()))
	}
	n.size++
	n.height++
	return n
}

// measure counts a child in.
func (n *node) measure(child *node) {
	n.size += child.size
	n.height = max(n.height, child.height)
}

// count keeps the file within its bounds.
func (b *builder) count(nodes, depth int, where place) {
	if b.stopped {
		return
	}
	b.nodes += nodes
	switch {
	case depth > maxDepth:
		b.stopped = true
		b.add(where, "more than %d levels of nesting", maxDepth)
	case b.nodes > maxNodes:
		b.stopped = true
		b.add(where, "more than %d values", maxNodes)
	}
}

// alias returns what an alias stands for.
func (b *builder) alias(n *node, v *ast.AliasNode, depth int) *node {
	name := ""
	if v.Value != nil {
		name = v.Value.GetToken().Value
	}
	target, known := b.anchors[name]
	if !known {
		b.add(n.at, "no anchor %q before this alias", name)
		n.broken = true
		return n
	}
	b.count(target.size, depth+target.height, n.at)
	shared := *target // the content is shared, the key it belongs to is not
	shared.keyAt = n.at
	return &shared
}

// mapping fills n with the entries of a mapping. What merges bring in gives way
// to what stands there itself.
func (b *builder) mapping(n *node, values []*ast.MappingValueNode, depth int) {
	n.kind = mapKind
	seen := map[string]place{}
	var merges []*node
	for _, v := range values {
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			sources, ok := b.merge(b.build(v.Value, depth+1))
			merges = append(merges, sources...)
			n.broken = n.broken || !ok
			continue
		}
		token := v.Key.GetToken()
		e := entry{key: token.Value, at: at(token)}
		if _, explicit := v.Key.(*ast.MappingKeyNode); explicit {
			b.add(e.at, "a key is a word, not a value of its own")
			continue
		}
		if first, twice := seen[e.key]; twice {
			b.add(e.at, "%q is given twice, first on line %d", e.key, first.line)
			continue
		}
		seen[e.key] = e.at
		e.value = b.build(v.Value, depth+1)
		e.value.keyAt = e.at
		n.fields = append(n.fields, e)
		n.measure(e.value)
	}
	for _, merged := range merges {
		for _, e := range merged.fields {
			if _, present := seen[e.key]; !present {
				seen[e.key] = e.at
				n.fields = append(n.fields, e)
				n.measure(e.value)
			}
		}
	}
}

// merge returns the mappings that << names, one or a list of them, and whether
// they are all there.
func (b *builder) merge(value *node) ([]*node, bool) {
	sources := []*node{value}
	if value.kind == listKind {
		sources = value.items
	}
	for _, source := range sources {
		if source.broken {
			return nil, false
		}
		if source.kind != mapKind && !b.stopped {
			b.add(source.at, "<< takes a mapping or a list of mappings, not %s", source.kind)
			return nil, false
		}
	}
	return sources, true
}

// jsonNumber writes a number as JSON does: as it stands where that is JSON
// already, so that no digit is lost.
func jsonNumber(written string, value any) string {
	if json.Valid([]byte(written)) {
		return written
	}
	switch v := value.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return "0"
	}
}

package file

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"intercom-connector/shared/intercom"
)

// decodeDocument fills doc from the tree. It is strict: unknown, missing and
// misshapen fields are problems, and so are words that an enum does not know.
func decodeDocument(root *node, doc *Document, p *problems) {
	d := decoder{p}
	d.decode(root, reflect.ValueOf(doc).Elem(), "the file")
}

type decoder struct{ *problems }

// A worded part of a document can be a single word instead of a mapping.
type worded interface {
	setNode(n *node)
	words() []string
	setWord(word string)
}

var textType = reflect.TypeFor[Text]()

// decode fills v, which is called what in problems, from n.
func (d decoder) decode(n *node, v reflect.Value, what string) {
	if n.broken && n.kind != mapKind {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if n.kind == nullKind {
			if v.Type().Elem() != textType { // a null path value is filled in later
				d.add(n.keyAt, "%s has no value", what)
			}
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		if short, ok := reflect.TypeAssert[worded](v); ok && n.kind == textKind {
			short.setNode(n)
			short.setWord(n.text)
			if words := short.words(); !slices.Contains(words, n.text) {
				d.add(n.at, "%s cannot be %q: it is %s", what, n.text, list(append(words, "a mapping"), "or"))
			}
			return
		}
		d.decode(n, v.Elem(), what)
	case reflect.Struct:
		d.decodeStruct(n, v, what)
	case reflect.Map:
		d.decodeMap(n, v, what)
	case reflect.Slice:
		d.decodeList(n, v, what)
	case reflect.Interface:
		if plain := n.plain(); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	case reflect.Bool:
		if n.kind != boolKind {
			d.mismatch(n, boolKind, what)
			return
		}
		v.SetBool(n.yes)
	default:
		d.decodeText(n, v, what)
	}
}

func (d decoder) decodeText(n *node, v reflect.Value, what string) {
	switch {
	case n.kind == textKind && n.text == "":
		d.add(n.at, "%s is empty", what)
	case n.kind == textKind, n.kind == numberKind && v.Type() == textType:
		v.SetString(n.text)
	default:
		d.mismatch(n, textKind, what)
	}
}

// mismatch says that n is of the wrong kind.
func (d decoder) mismatch(n *node, want kind, what string) {
	switch n.kind {
	case nullKind:
		d.add(n.keyAt, "%s has no value", what)
	case mapKind, listKind:
		d.add(n.keyAt, "%s takes %s, not %s", what, want, n.kind)
	case textKind, numberKind, boolKind:
		d.add(n.at, "%s takes %s, not %s", what, want, n.show())
	}
}

// show names a scalar as it was written.
func (n *node) show() string {
	if n.kind == textKind {
		return `"` + n.text + `"`
	}
	return n.text
}

func (d decoder) decodeMap(n *node, v reflect.Value, what string) {
	if n.kind == nullKind { // everything in it is commented out
		return
	}
	if n.kind != mapKind {
		d.mismatch(n, mapKind, what)
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.fields)))
	for _, e := range n.fields {
		item := reflect.New(v.Type().Elem()).Elem()
		value := e.value
		if value.kind == nullKind && item.Type() == reflect.TypeFor[*Client]() {
			value = &node{kind: mapKind, at: e.at, keyAt: e.at} // all defaults
		}
		d.decode(value, item, strings.TrimSuffix(what, "s")+" "+e.key)
		v.SetMapIndex(reflect.ValueOf(e.key), item)
	}
}

func (d decoder) decodeList(n *node, v reflect.Value, what string) {
	if n.kind != listKind {
		d.mismatch(n, listKind, what)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		d.decode(item, v.Index(i), "one of "+what)
	}
}

func (d decoder) decodeStruct(n *node, v reflect.Value, what string) {
	v.Addr().Interface().(interface{ setNode(n *node) }).setNode(n)
	if n.kind != mapKind {
		d.mismatch(n, mapKind, what)
		return
	}
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if name := field.Tag.Get("yaml"); name != "" {
			fields[name] = field
		}
	}
	for _, e := range n.fields {
		field, known := fields[e.key]
		if !known {
			d.unknownField(e, slices.Sorted(maps.Keys(fields)), what)
			continue
		}
		d.decode(e.value, v.FieldByIndex(field.Index), e.key)
		d.checkEnum(e.value, field, e.key)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !n.broken && n.get(name) == nil && slices.Contains(tags(fields[name]), "required") {
			d.add(n.keyAt, "%s has no %s", what, name)
		}
	}
}

func (d decoder) unknownField(e entry, known []string, what string) {
	if near := intercom.Near(e.key, known); len(near) > 0 {
		d.add(e.at, "unknown field %q: did you mean %q?", e.key, near[0])
		return
	}
	d.add(e.at, "unknown field %q: %s takes %s", e.key, what, strings.Join(known, ", "))
}

// checkEnum holds a word against the ones that the field's tag lists.
func (d decoder) checkEnum(n *node, field reflect.StructField, what string) {
	var allowed []string
	for _, tag := range tags(field) {
		if word, ok := strings.CutPrefix(tag, "enum="); ok {
			allowed = append(allowed, word)
		}
	}
	if len(allowed) > 0 && n.kind == textKind && n.text != "" {
		d.checkWord(n, allowed, what)
	}
}

func (d decoder) checkWord(n *node, allowed []string, what string) {
	if slices.Contains(allowed, n.text) {
		return
	}
	hint := "it is " + list(allowed, "or")
	if near := intercom.Near(n.text, allowed); len(near) > 0 && len(allowed) > 1 {
		hint = fmt.Sprintf("did you mean %s? It is %s", near[0], list(allowed, "or"))
	}
	d.add(n.at, "%s cannot be %q: %s", what, n.text, hint)
}

// tags returns the parts of a field's jsonschema tag: required, enum=….
func tags(field reflect.StructField) []string {
	return strings.Split(field.Tag.Get("jsonschema"), ",")
}

// list writes words as people do: a, b or c.
func list(words []string, conjunction string) string {
	switch n := len(words); n {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " " + conjunction + " " + words[n-1]
	}
}

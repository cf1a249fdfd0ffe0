package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"intercom-connector/internal/config/file"
)

// source is the folder of the types, within the repository and the module.
const source = "internal/config/file"

// newSchema reflects the document's types, with their comments as descriptions.
func newSchema(root string) (*jsonschema.Schema, error) {
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		ExpandedStruct:             true,
		Anonymous:                  true,
		Mapper:                     special,
	}
	if err := addComments(r, root); err != nil {
		return nil, err
	}
	s := r.Reflect(&file.Document{})
	s.Title = "connector.yaml"
	s.Description = strings.TrimPrefix(s.Description, "A Document is ")
	for _, name := range []string{"clients", "subscriptions", "publishers"} {
		property, _ := s.Properties.Get(name)
		property.PropertyNames = &jsonschema.Schema{Pattern: `^[a-z][a-z0-9-]{0,47}$`}
	}
	orWord(s.Definitions["Auth"], "access_token", "oauth")
	orWord(s.Definitions["Resweep"], "off")
	for _, definition := range s.Definitions {
		if definition.Properties == nil {
			continue
		}
		for pair := definition.Properties.Oldest(); pair != nil; pair = pair.Next() {
			switch pair.Key {
			case "path":
				if pair.Value.Type == "object" { // parameters: empty where they come later
					pair.Value.AdditionalProperties = &jsonschema.Schema{AnyOf: append(scalars("string", "number"), &jsonschema.Schema{Type: "null"})}
				}
			case "query":
				values := scalars("string", "number", "boolean")
				values = append(values, &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: scalars("string", "number", "boolean")}})
				pair.Value.AdditionalProperties = &jsonschema.Schema{AnyOf: values}
			}
		}
	}
	return s, nil
}

// addComments reads the comments of the types. The reflector derives the
// package's path from the one it walks, so it has to be the one in the module.
func addComments(r *jsonschema.Reflector, root string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := r.AddGoComments("intercom-connector", source, jsonschema.WithFullComment()); err != nil {
		return err
	}
	for key, text := range r.CommentMap {
		r.CommentMap[key] = strings.Join(strings.Fields(text), " ")
	}
	for _, t := range []reflect.Type{
		reflect.TypeFor[file.Document](), reflect.TypeFor[file.Client](), reflect.TypeFor[file.Auth](), reflect.TypeFor[file.Subscription](),
		reflect.TypeFor[file.Resweep](), reflect.TypeFor[file.Destination](), reflect.TypeFor[file.Publisher](), reflect.TypeFor[file.Stack](), reflect.TypeFor[file.Network](),
	} {
		for f := range t.Fields() {
			key := t.PkgPath() + "." + t.Name() + "." + f.Name
			r.CommentMap[key] = meaning(f.Name, r.CommentMap[key])
		}
	}
	return os.Chdir(here)
}

// meaning is a field's comment without the name that it begins with, which is
// the one in Go: "Region is where …" becomes "Where …".
func meaning(name, comment string) string {
	text := strings.TrimPrefix(comment, name+" ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// special maps the types that are more than they seem.
func special(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[file.Text]() {
		return &jsonschema.Schema{AnyOf: scalars("string", "number")}
	}
	return nil
}

func scalars(types ...string) []*jsonschema.Schema {
	all := make([]*jsonschema.Schema, len(types))
	for i, name := range types {
		all[i] = &jsonschema.Schema{Type: name}
	}
	return all
}

// orWord lets one of some words stand in the place of an object.
func orWord(s *jsonschema.Schema, words ...string) {
	object := *s
	object.Description = ""
	enum := make([]any, len(words))
	for i, word := range words {
		enum[i] = word
	}
	*s = jsonschema.Schema{
		Description: s.Description,
		OneOf:       []*jsonschema.Schema{{Type: "string", Enum: enum}, &object},
	}
}

func encode(s *jsonschema.Schema) ([]byte, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

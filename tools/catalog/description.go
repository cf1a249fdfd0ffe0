package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A description is the part of Intercom's OpenAPI file that the catalog needs.
type description struct {
	Info       struct{ Version string } `yaml:"info"`
	Paths      map[string]pathItem      `yaml:"paths"`
	Components struct {
		Schemas map[string]*schema `yaml:"schemas"`
	} `yaml:"components"`
}

// A pathItem has what a path declares for all its methods, and each of them.
type pathItem struct {
	Parameters []parameter `yaml:"parameters"`
	Get        *endpoint   `yaml:"get"`
	Put        *endpoint   `yaml:"put"`
	Post       *endpoint   `yaml:"post"`
	Patch      *endpoint   `yaml:"patch"`
	Delete     *endpoint   `yaml:"delete"`
}

type endpoint struct {
	ID         string              `yaml:"operationId"`
	Tags       []string            `yaml:"tags"`
	Parameters []parameter         `yaml:"parameters"`
	Request    *request            `yaml:"requestBody"`
	Responses  map[string]response `yaml:"responses"`
}

type parameter struct {
	Name     string  `yaml:"name"`
	In       string  `yaml:"in"`
	Required bool    `yaml:"required"`
	Explode  bool    `yaml:"explode"`
	Schema   *schema `yaml:"schema"`
}

type request struct {
	Required bool             `yaml:"required"`
	Content  map[string]media `yaml:"content"`
}

type response struct {
	Content map[string]media `yaml:"content"`
}

type media struct {
	Schema *schema `yaml:"schema"`
}

type schema struct {
	Ref        string             `yaml:"$ref"`
	Type       string             `yaml:"type"`
	Required   []string           `yaml:"required"`
	Properties map[string]*schema `yaml:"properties"`
	AllOf      []*schema          `yaml:"allOf"`
	OneOf      []*schema          `yaml:"oneOf"`
	AnyOf      []*schema          `yaml:"anyOf"`
	Enum       []any              `yaml:"enum"`
	Example    any                `yaml:"example"`
	Maximum    int                `yaml:"maximum"`
}

func readDescription(path string) (*description, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := new(description)
	if err := yaml.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	return d, nil
}

// resolve follows references; name is what the last one called the schema.
func (d *description) resolve(s *schema) (name string, _ *schema) {
	for s != nil && s.Ref != "" {
		name = s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		s = d.Components.Schemas[name]
	}
	if s == nil {
		s = new(schema)
	}
	return name, s
}

// required returns the keys that every variant of s needs, sorted.
func (d *description) required(s *schema) []string {
	_, s = d.resolve(s)
	keys := slices.Clone(s.Required)
	for _, part := range s.AllOf {
		keys = append(keys, d.required(part)...)
	}
	for _, variants := range [][]*schema{s.OneOf, s.AnyOf} {
		if len(variants) == 0 {
			continue
		}
		common := d.required(variants[0])
		for _, v := range variants[1:] {
			other := d.required(v)
			common = slices.DeleteFunc(common, func(key string) bool { return !slices.Contains(other, key) })
		}
		keys = append(keys, common...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// needsKey reports whether an empty object breaks s: whether each of its
// variants needs some key, be it not the same one.
func (d *description) needsKey(s *schema) bool {
	_, s = d.resolve(s)
	all := func(variants []*schema) bool {
		return len(variants) > 0 && !slices.ContainsFunc(variants, func(v *schema) bool { return !d.needsKey(v) })
	}
	return len(s.Required) > 0 || slices.ContainsFunc(s.AllOf, d.needsKey) || all(s.OneOf) || all(s.AnyOf)
}

// isArray reports whether s describes an array.
func (d *description) isArray(s *schema) bool {
	_, s = d.resolve(s)
	return s.Type == "array"
}

// property returns the property name of s or of the parts it is composed of.
func (d *description) property(s *schema, name string) *schema {
	_, s = d.resolve(s)
	if p := s.Properties[name]; p != nil {
		_, p = d.resolve(p)
		return p
	}
	for _, part := range s.AllOf {
		if p := d.property(part, name); p != nil {
			return p
		}
	}
	return nil
}

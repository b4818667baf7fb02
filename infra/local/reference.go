package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

//go:embed reference.html
var referenceHTML string

// contract is what the reference shows of an OpenAPI document.
type contract struct {
	Info struct {
		Title, Version, Description string
	}
	Tags       []struct{ Name string }
	Paths      map[string]map[string]*operation
	Components struct {
		Schemas map[string]*schema
	}
}

type operation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Permission                        string `json:"x-permission"`
	Parameters                        []parameter
	RequestBody                       struct{ Content map[string]content }
	Responses                         map[string]answer
	Method, Path                      string `json:"-"`
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                *schema
	Example               any
}

type content struct {
	Schema  *schema
	Example any
}

type answer struct {
	Ref         string `json:"$ref"`
	Description string
	Content     map[string]content
}

// schema is as much of JSON Schema as fits into a line.
type schema struct {
	Ref         string `json:"$ref"`
	Type        any    // a string, or several
	Format      string
	Description string
	Enum        []any
	Items       *schema
	OneOf       []*schema
	Properties  map[string]*schema
	Values      json.RawMessage `json:"additionalProperties"` // of a map: its values' schema
	Minimum     json.Number
	Maximum     json.Number
}

// reference writes an OpenAPI document as a page that needs nothing from elsewhere. Its examples are of the server at base.
func reference(document []byte, base string) ([]byte, error) {
	var c contract
	if err := json.Unmarshal(document, &c); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	page, err := template.New("reference").Funcs(template.FuncMap{
		"operations": c.operations, "kind": kind, "prose": prose, "indent": indent, "example": example, "anchor": anchor, "base": func() string { return base },
	}).Parse(referenceHTML)
	if err != nil {
		return nil, fmt.Errorf("read the reference's template: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, c); err != nil {
		return nil, fmt.Errorf("write the reference: %w", err)
	}
	return out.Bytes(), nil
}

// anchor is a tag's name as an ID of HTML, which has no spaces.
func anchor(tag string) string { return strings.ReplaceAll(strings.ToLower(tag), " ", "-") }

// operations of one tag, by path.
func (c contract) operations(tag string) (all []*operation) {
	for _, path := range slices.Sorted(maps.Keys(c.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(c.Paths[path])) {
			o := c.Paths[path][method]
			if slices.Contains(o.Tags, tag) {
				o.Method, o.Path = strings.ToUpper(method), path
				all = append(all, o)
			}
		}
	}
	return all
}

// Failures lists the statuses whose answers operations have in common.
func (o *operation) Failures() (all []string) {
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		if n, err := strconv.Atoi(status); err == nil && o.Responses[status].Ref != "" {
			all = append(all, status+" "+http.StatusText(n))
		}
	}
	return all
}

// kind says in a few words what values a schema takes; other schemas are links.
func kind(s *schema) template.HTML {
	switch {
	case s.Ref != "":
		name := template.HTMLEscapeString(last(s.Ref))
		return template.HTML(`<a href="#` + name + `">` + name + `</a>`)
	case s.Items != nil:
		return "list of " + kind(s.Items)
	case len(s.OneOf) > 0:
		return either(s.OneOf, kind)
	case len(s.Enum) > 0:
		return either(s.Enum, func(v any) template.HTML { return code(fmt.Sprint(v)) })
	}
	var values schema
	if json.Unmarshal(s.Values, &values) == nil && (values.Ref != "" || values.Type != nil) {
		return "map of " + kind(&values)
	}
	return template.HTML(template.HTMLEscapeString(s.words()))
}

func (s *schema) words() string {
	words := []string{}
	switch t := s.Type.(type) {
	case string:
		words = append(words, t)
	case []any:
		for _, one := range t {
			words = append(words, fmt.Sprint(one))
		}
		words = []string{strings.Join(words, " or ")}
	}
	if s.Format != "" {
		words = append(words, s.Format)
	}
	if s.Minimum != "" {
		words = append(words, "from "+s.Minimum.String())
	}
	if s.Maximum != "" {
		words = append(words, "to "+s.Maximum.String())
	}
	return strings.Join(words, " ")
}

// either writes alternatives.
func either[T any](all []T, write func(T) template.HTML) (out template.HTML) {
	for i, one := range all {
		if i > 0 {
			out += " | "
		}
		out += write(one)
	}
	return out
}

func code(s string) template.HTML {
	return "<code>" + template.HTML(template.HTMLEscapeString(s)) + "</code>"
}

// prose writes the little Markdown that the contract has: paragraphs, **weight** and `code`.
func prose(s string) (out template.HTML) {
	for i, paragraph := range strings.Split(s, "\n\n") {
		if i > 0 {
			out += "<br><br>"
		}
		for j, part := range strings.Split(paragraph, "`") {
			if j%2 == 1 {
				out += code(part)
				continue
			}
			for k, text := range strings.Split(part, "**") {
				text := template.HTML(template.HTMLEscapeString(text))
				if k%2 == 1 {
					text = "<b>" + text + "</b>"
				}
				out += text
			}
		}
	}
	return out
}

// example writes an example of a parameter; of a list it gives the values one by one.
func example(v any) template.HTML {
	if all, ok := v.([]any); ok {
		return either(all, example)
	}
	return code(fmt.Sprint(v))
}

func indent(v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err
}

func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

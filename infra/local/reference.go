package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

//go:embed reference.html
var referenceHTML string

// contract is what the reference shows of an OpenAPI document.
type contract struct {
	Info struct {
		Title, Version, Description string
	}
	Tags  []struct{ Name string }
	Paths map[string]map[string]*operation
	// Components are what references lead to.
	Components struct {
		Schemas   map[string]*schema
		Responses map[string]answer
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
	Pattern     string
	Description string
	Enum        []any
	Items       *schema
	Properties  map[string]*schema
	Required    []string
	Values      json.RawMessage `json:"additionalProperties"` // of a map: its values' schema
	Minimum     json.Number
	Maximum     json.Number
}

// reference writes an OpenAPI document as a page that needs nothing from elsewhere.
func reference(document []byte) ([]byte, error) {
	var c contract
	if err := json.Unmarshal(document, &c); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	page, err := template.New("reference").Funcs(template.FuncMap{
		"operations": c.operations, "responses": c.responses, "kind": kind, "prose": prose, "indent": indent,
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

// responses of an operation, references followed.
func (c contract) responses(o *operation) map[string]answer {
	all := map[string]answer{}
	for status, a := range o.Responses {
		if a.Ref != "" {
			a = c.Components.Responses[last(a.Ref)]
		}
		all[status] = a
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
	case len(s.Enum) > 0:
		var all []string
		for _, v := range s.Enum {
			all = append(all, "<code>"+template.HTMLEscapeString(fmt.Sprint(v))+"</code>")
		}
		return template.HTML(strings.Join(all, " | "))
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

// prose writes text whose `words` are code.
func prose(s string) template.HTML {
	var out strings.Builder
	for i, part := range strings.Split(s, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		out.WriteString(part)
	}
	return template.HTML(out.String())
}

func indent(v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err
}

func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

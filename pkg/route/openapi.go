package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/fault"
)

// Info heads the OpenAPI document.
type Info struct{ Title, Version, Description string }

// OpenAPI gives the OpenAPI 3.1 document of operations, the same bytes for the same operations. Types are called after
// their package and Go name (cost.Query is CostQuery, project.Project is Project); a Body without a name after its operation.
func OpenAPI(ops []Operation, info Info) (doc []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("openapi: %v", p)
		}
	}()
	names := map[reflect.Type]string{}
	c := config()
	c.OpenAPI.Info = &huma.Info{Title: info.Title, Version: info.Version, Description: info.Description}
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		if name := names[t]; name != "" {
			return name
		}
		return schemaName(t, hint)
	})
	a := &adapter{}
	api := newAPI(c, a)
	for _, o := range ops {
		o.nameBodies(names)
		o.register(api, o.document(), true)
		if err := o.illustrate(a.op); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(c.Tags, func(t *huma.Tag) bool { return t.Name == o.Tag }) {
			c.Tags = append(c.Tags, &huma.Tag{Name: o.Tag})
		}
	}
	c.Components.Responses, c.Components.Headers = problems(), headers()
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}}
	return indented(c.OpenAPI)
}

const bearer = "bearer"

// document says all of an operation.
func (o Operation) document() huma.Operation {
	op := o.describe()
	op.Hidden = false
	op.Summary, op.Description, op.Tags = o.Summary, o.Doc, []string{o.Tag}
	op.Extensions = map[string]any{"x-permission": o.Permission, "x-function": o.Function}
	op.Responses = map[string]*huma.Response{}
	if o.caller != anybody {
		op.Security = []map[string][]string{{bearer: {}}}
	}
	if o.caller == member {
		op.Extensions["x-reach"] = o.Reach
		op.Parameters = append(op.Parameters, &huma.Param{Name: "tenantId", In: "path", Required: true,
			Description: "The tenant.", Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^ten_[0-9A-HJKMNP-TV-Z]{26}$"}})
	}
	for _, k := range o.kinds() {
		op.Responses[strconv.Itoa(Status(k))] = &huma.Response{Ref: "#/components/responses/" + responseName(k)}
	}
	return op
}

// illustrate puts the example into a registered operation.
func (o Operation) illustrate(op *huma.Operation) error {
	v := reflect.Indirect(reflect.ValueOf(o.Example))
	if v.Type() != o.in {
		return fmt.Errorf("operation %s: the example is %T and not %s", o, o.Example, o.in)
	}
	e := example{path: map[string]string{}, query: map[string][]string{}, header: http.Header{}}
	e.fill(v)
	for _, p := range op.Parameters {
		switch {
		case p.In == "query" && len(e.query[p.Name]) > 0:
			p.Example = typed(p.Schema, e.query[p.Name])
		case p.In == "path" && e.path[p.Name] != "":
			p.Example = e.path[p.Name]
		case p.In == "header" && e.header.Get(p.Name) != "":
			p.Example = e.header.Get(p.Name)
		}
	}
	if e.body.IsValid() {
		op.RequestBody.Content["application/json"].Example = e.body.Interface()
	}
	success := op.Responses[strconv.Itoa(o.status())]
	o.bearsAll(success)
	if o.Media != "" && success.Content != nil {
		success.Content[o.Media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return nil
}

// typed gives a query parameter's example the type of its schema.
func typed(s *huma.Schema, values []string) any {
	switch s.Type {
	case huma.TypeArray:
		if len(values) == 1 {
			return strings.Split(values[0], ",")
		}
		return values
	case huma.TypeInteger, huma.TypeNumber, huma.TypeBoolean:
		return json.RawMessage(values[0])
	}
	return values[0]
}

// nameBodies gives bodies without a name that of the operation.
func (o Operation) nameBodies(names map[reflect.Type]string) {
	for suffix, t := range map[string]reflect.Type{"Request": o.in, "Response": o.out} {
		body, ok := t.FieldByName("Body")
		if ok && body.Type.Kind() == reflect.Struct && body.Type.Name() == "" && names[body.Type] == "" {
			names[body.Type] = title(o.ID) + suffix
		}
	}
}

// schemaName is a type's name in the document; of a generic type followed by its parameters'.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" {
		return huma.DefaultSchemaNamer(t, hint)
	}
	base, parameters, _ := strings.Cut(t.Name(), "[")
	name := qualified(t.PkgPath() + "." + base)
	for p := range strings.SplitSeq(strings.TrimSuffix(parameters, "]"), ",") {
		name += qualified(p)
	}
	return name
}

// qualified makes CostQuery of "example.com/pkg/cost.Query". Names of this package and of pkg/api stand alone.
func qualified(full string) string {
	pkg, name, found := strings.Cut(full[strings.LastIndexByte(full, '/')+1:], ".")
	if !found {
		return title(pkg)
	}
	if pkg == "route" || pkg == "api" || strings.Contains(strings.ToLower(name), pkg) {
		return title(name)
	}
	if strings.HasSuffix(pkg, strings.ToLower(name)) {
		return spelled(pkg)
	}
	return spelled(pkg) + title(name)
}

// spelled is a package's name as a type's name has it.
func spelled(pkg string) string {
	if start, ok := strings.CutSuffix(pkg, "key"); ok && start != "" {
		return title(start) + "Key"
	}
	return title(pkg)
}

func title(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// responseName is the status in words, in one.
func responseName(k fault.Kind) string {
	return strings.ReplaceAll(http.StatusText(Status(k)), " ", "")
}

func indented(doc any) ([]byte, error) {
	compact, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(compact))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(plain)
	return out.Bytes(), err
}

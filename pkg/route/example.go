package route

import (
	"bytes"
	"cmp"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// NewRequest makes the request that the Example stands for, at an origin ("http://host") and without a token. Values for
// the path are taken from path by the parameters' names, else from the Example; what neither has becomes its own name.
func (o Operation) NewRequest(ctx context.Context, origin string, path map[string]string) (*http.Request, error) {
	v := reflect.Indirect(reflect.ValueOf(o.Example))
	if !v.IsValid() || v.Type() != o.in {
		return nil, fmt.Errorf("operation %s: the example is %T and not %s", o, o.Example, o.in)
	}
	e := example{path: map[string]string{}, query: url.Values{}, header: http.Header{}}
	e.fill(v)
	target := o.Path
	for _, name := range o.pathParameters() {
		target = strings.Replace(target, "{"+name+"}", url.PathEscape(cmp.Or(path[name], e.path[name], name)), 1)
	}
	if len(e.query) > 0 {
		target += "?" + e.query.Encode()
	}
	var body bytes.Buffer
	if e.body.IsValid() {
		if err := json.NewEncoder(&body).Encode(e.body.Interface()); err != nil {
			return nil, fmt.Errorf("operation %s: the example's body: %w", o, err)
		}
		e.header.Set("Content-Type", "application/json")
	}
	r, err := http.NewRequestWithContext(ctx, o.Method, origin+target, &body)
	if err == nil {
		r.Header = e.header
	}
	return r, err
}

// pathParameters are the names in the path.
func (o Operation) pathParameters() (names []string) {
	for segment := range strings.SplitSeq(o.Path, "/") {
		if name := strings.Trim(segment, "{}"); name != segment {
			names = append(names, name)
		}
	}
	return names
}

// example is an In taken apart.
type example struct {
	path   map[string]string
	query  url.Values
	header http.Header
	body   reflect.Value
}

func (e *example) fill(v reflect.Value) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			e.fill(value)
		case f.Name == "Body":
			e.body = value
		case value.IsZero():
		case f.Tag.Get("path") != "":
			e.path[f.Tag.Get("path")] = text(value)
		case f.Tag.Get("header") != "":
			e.header.Set(f.Tag.Get("header"), text(value))
		case f.Tag.Get("query") != "":
			name, options, _ := strings.Cut(f.Tag.Get("query"), ",")
			if strings.Contains(options, "explode") {
				e.query[name] = texts(value)
			} else {
				e.query.Set(name, text(value))
			}
		}
	}
}

// text writes a parameter as huma reads it; lists with commas.
func text(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if b, err := m.MarshalText(); err == nil {
			return string(b)
		}
	}
	if v.Kind() == reflect.Slice {
		return strings.Join(texts(v), ",")
	}
	return fmt.Sprint(v.Interface())
}

func texts(list reflect.Value) []string {
	var all []string
	for i := range list.Len() {
		all = append(all, text(list.Index(i)))
	}
	return all
}

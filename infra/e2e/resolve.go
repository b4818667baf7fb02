package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// World is the account that an assembly is deployed to: what CloudFormation's pseudo-parameters stand for, and a text that the names
// which CloudFormation makes up have in them, another for each deployment from nothing.
type World struct {
	Account, Region, Partition string
	Generation                 string
}

// Resolver gives values of an assembly's templates without intrinsic functions. It is not safe for concurrent use.
type Resolver struct {
	World
	assembly *Assembly
	exports  map[string]export
	busy     map[string]bool // what is being resolved, so that circles end
	known    map[string]physical
}

// export is an output that other stacks may import.
type export struct {
	stack *Stack
	value any
}

// NewResolver makes a resolver of all stacks of an assembly.
func NewResolver(a *Assembly, w World) (*Resolver, error) {
	r := &Resolver{World: w, assembly: a, exports: map[string]export{}, busy: map[string]bool{}, known: map[string]physical{}}
	for _, s := range a.Stacks {
		for id, o := range s.Template.Outputs {
			if o.Export == nil {
				continue
			}
			name, err := r.Text(s, o.Export.Name)
			if err != nil {
				return nil, fmt.Errorf("output %s of %s: %w", id, s.Name, err)
			}
			if _, twice := r.exports[name]; twice {
				return nil, fmt.Errorf("output %s of %s: %s is exported twice", id, s.Name, name)
			}
			r.exports[name] = export{s, o.Value}
		}
	}
	return r, nil
}

// errNoValue is what AWS::NoValue resolves to: the property is left out.
var errNoValue = errors.New("no value")

// Value resolves a value of a stack's template: texts, json.Number, bools, lists and objects of them.
func (r *Resolver) Value(s *Stack, v any) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for i, one := range v {
			switch is, err := r.Value(s, one); {
			case errors.Is(err, errNoValue):
			case err != nil:
				return nil, fmt.Errorf("[%d]: %w", i, err)
			default:
				out = append(out, is)
			}
		}
		return out, nil
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			is, err := r.call(s, name, argument)
			if err != nil && !errors.Is(err, errNoValue) {
				err = fmt.Errorf("%s: %w", name, err)
			}
			return is, err
		}
		out := map[string]any{}
		for key, one := range v {
			switch is, err := r.Value(s, one); {
			case errors.Is(err, errNoValue):
			case err != nil:
				return nil, fmt.Errorf("%s: %w", key, err)
			default:
				out[key] = is
			}
		}
		return out, nil
	case string:
		if strings.Contains(v, "{{resolve:") {
			return nil, fmt.Errorf("nothing is known of the dynamic reference %s", v)
		}
	}
	return v, nil
}

// intrinsic tells whether an object is a call of an intrinsic function.
func intrinsic(v map[string]any) (name string, argument any, ok bool) {
	if len(v) == 1 {
		for name, argument = range v {
			return name, argument, name == "Ref" || name == "Condition" && isText(argument) || strings.HasPrefix(name, "Fn::")
		}
	}
	return "", nil, false
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// Text resolves a value that is a text, or a number or bool, which CloudFormation takes for one.
func (r *Resolver) Text(s *Stack, v any) (string, error) {
	is, err := r.Value(s, v)
	if err != nil {
		return "", err
	}
	switch is := is.(type) {
	case string:
		return is, nil
	case json.Number:
		return is.String(), nil
	case bool:
		return fmt.Sprint(is), nil
	}
	return "", fmt.Errorf("%v is no text", is)
}

// Into resolves a resource's properties and reads them into a struct, whose fields are all that may be there.
func (r *Resolver) Into(s *Stack, id string, into any) error {
	v, err := r.Value(s, s.Template.Resources[id].Properties)
	if err == nil {
		err = decode(v, into)
	}
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", s.Template.Resources[id].Type, id, s.Name, err)
	}
	return nil
}

// decode reads a resolved value into a struct; a field that it does not have is an error.
func decode(v, into any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	d.UseNumber()
	return d.Decode(into)
}

func (r *Resolver) call(s *Stack, name string, argument any) (any, error) {
	switch name {
	case "Ref":
		return r.ref(s, argument)
	case "Fn::GetAtt":
		return r.getAtt(s, argument)
	case "Fn::Sub":
		return r.sub(s, argument)
	case "Fn::Join":
		return r.join(s, argument)
	case "Fn::Split":
		return r.split(s, argument)
	case "Fn::Select":
		return r.pick(s, argument)
	case "Fn::ImportValue":
		return r.importValue(s, argument)
	case "Fn::FindInMap":
		return r.findInMap(s, argument)
	case "Fn::Base64":
		text, err := r.Text(s, argument)
		return base64.StdEncoding.EncodeToString([]byte(text)), err
	case "Fn::If":
		return r.choose(s, argument)
	case "Condition", "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		return r.condition(s, map[string]any{name: argument})
	}
	return nil, errors.New("nothing is known of the function")
}

func (r *Resolver) ref(s *Stack, argument any) (any, error) {
	id, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("%v is no name", argument)
	}
	switch id {
	case "AWS::AccountId":
		return r.Account, nil
	case "AWS::Region":
		return r.Region, nil
	case "AWS::Partition":
		return r.Partition, nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return s.Name, nil
	case "AWS::StackId":
		return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", r.Partition, r.Region, r.Account, s.Name, r.Generation), nil
	case "AWS::NoValue":
		return nil, errNoValue
	}
	if p, ok := s.Template.Parameters[id]; ok {
		if p.Default == nil || strings.HasPrefix(p.Type, "AWS::SSM::") {
			return nil, fmt.Errorf("parameter %s has no value here", id)
		}
		return p.Default, nil
	}
	p, err := r.physical(s, id)
	if err == nil && p.ref == "" {
		err = fmt.Errorf("nothing is known of a reference to %s", id)
	}
	return p.ref, err
}

func (r *Resolver) getAtt(s *Stack, argument any) (any, error) {
	id, name := "", ""
	switch a := argument.(type) {
	case string:
		id, name, _ = strings.Cut(a, ".")
	case []any:
		if len(a) == 2 {
			id, _ = a[0].(string)
			name, _ = a[1].(string)
		}
	}
	if id == "" || name == "" {
		return nil, fmt.Errorf("%v names no attribute", argument)
	}
	p, err := r.physical(s, id)
	if err != nil {
		return nil, err
	}
	value, ok := p.attributes[name]
	if !ok {
		return nil, fmt.Errorf("nothing is known of the attribute %s of %s, a %s", name, id, s.Template.Resources[id].Type)
	}
	return value, nil
}

// variable is one of Fn::Sub: "${!x}" is the text "${x}".
var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *Resolver) sub(s *Stack, argument any) (any, error) {
	own := map[string]any{}
	text, ok := argument.(string)
	if list, is := argument.([]any); is && len(list) == 2 {
		text, ok = list[0].(string)
		if own, is = list[1].(map[string]any); !is {
			ok = false
		}
	}
	if !ok {
		return nil, fmt.Errorf("%v is no text with variables", argument)
	}
	var failed error
	out := variable.ReplaceAllStringFunc(text, func(v string) string {
		name := v[2 : len(v)-1]
		if rest, literal := strings.CutPrefix(name, "!"); literal {
			return "${" + rest + "}"
		}
		var of any = map[string]any{"Ref": name}
		if value, is := own[name]; is {
			of = value
		} else if strings.Contains(name, ".") {
			of = map[string]any{"Fn::GetAtt": name}
		}
		is, err := r.Text(s, of)
		failed = errors.Join(failed, err)
		return is
	})
	return out, failed
}

// list resolves the arguments of a function, so many of them.
func (r *Resolver) list(s *Stack, argument any, n int) ([]any, error) {
	if list, ok := argument.([]any); ok && len(list) != n {
		return nil, fmt.Errorf("%d arguments, not %d", len(list), n)
	}
	v, err := r.Value(s, argument)
	list, ok := v.([]any)
	if err == nil && (!ok || len(list) != n) {
		err = fmt.Errorf("%v is no list of %d", v, n)
	}
	return list, err
}

func (r *Resolver) join(s *Stack, argument any) (any, error) {
	list, err := r.list(s, argument, 2)
	if err != nil {
		return nil, err
	}
	separator, ok := list[0].(string)
	parts, is := list[1].([]any)
	if !ok || !is {
		return nil, fmt.Errorf("%v is no separator and list", list)
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		if texts[i], err = r.Text(s, part); err != nil {
			return nil, err
		}
	}
	return strings.Join(texts, separator), nil
}

func (r *Resolver) split(s *Stack, argument any) (any, error) {
	list, err := r.list(s, argument, 2)
	if err != nil {
		return nil, err
	}
	separator, ok := list[0].(string)
	text, is := list[1].(string)
	if !ok || !is || separator == "" {
		return nil, fmt.Errorf("%v is no separator and text", list)
	}
	var out []any
	for part := range strings.SplitSeq(text, separator) {
		out = append(out, part)
	}
	return out, nil
}

func (r *Resolver) pick(s *Stack, argument any) (any, error) {
	list, err := r.list(s, argument, 2)
	if err != nil {
		return nil, err
	}
	text, err := r.Text(s, list[0])
	if err != nil {
		return nil, err
	}
	n, err := json.Number(text).Int64()
	of, ok := list[1].([]any)
	if err != nil || !ok || n < 0 || int(n) >= len(of) {
		return nil, fmt.Errorf("%s is no place in %v", text, list[1])
	}
	return of[n], nil
}

func (r *Resolver) importValue(s *Stack, argument any) (any, error) {
	name, err := r.Text(s, argument)
	if err != nil {
		return nil, err
	}
	e, ok := r.exports[name]
	if !ok {
		return nil, fmt.Errorf("no stack exports %s", name)
	}
	return r.Value(e.stack, e.value)
}

func (r *Resolver) findInMap(s *Stack, argument any) (any, error) {
	list, err := r.list(s, argument, 3)
	if err != nil {
		return nil, err
	}
	var keys [3]string
	for i := range list {
		if keys[i], err = r.Text(s, list[i]); err != nil {
			return nil, err
		}
	}
	v, ok := s.Template.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return nil, fmt.Errorf("there is no mapping %v", keys)
	}
	return v, nil
}

func (r *Resolver) choose(s *Stack, argument any) (any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 3 {
		return nil, fmt.Errorf("%v is no condition and two values", argument)
	}
	holds, err := r.condition(s, map[string]any{"Condition": list[0]})
	if err != nil {
		return nil, err
	}
	if holds {
		return r.Value(s, list[1])
	}
	return r.Value(s, list[2])
}

// Exists tells whether a resource is made: whether its condition holds.
func (r *Resolver) Exists(s *Stack, id string) (bool, error) {
	name := s.Template.Resources[id].Condition
	if name == "" {
		return true, nil
	}
	return r.condition(s, map[string]any{"Condition": name})
}

// condition evaluates a condition: a call of one function.
func (r *Resolver) condition(s *Stack, v any) (bool, error) {
	of, ok := v.(map[string]any)
	name, argument, is := "", any(nil), false
	if ok {
		name, argument, is = intrinsic(of)
	}
	if !is {
		return false, fmt.Errorf("%v is no condition", v)
	}
	list, _ := argument.([]any)
	switch name {
	case "Condition":
		key := fmt.Sprint(argument)
		c, there := s.Template.Conditions[key]
		if !there || r.busy[s.Name+"?"+key] {
			return false, fmt.Errorf("there is no condition %s, or it is asked for by itself", key)
		}
		r.busy[s.Name+"?"+key] = true
		defer delete(r.busy, s.Name+"?"+key)
		return r.condition(s, c)
	case "Fn::Equals":
		both, err := r.list(s, argument, 2)
		return err == nil && reflect.DeepEqual(both[0], both[1]), err
	case "Fn::Not", "Fn::And", "Fn::Or":
		if name == "Fn::Not" && len(list) != 1 || name != "Fn::Not" && len(list) < 2 {
			return false, fmt.Errorf("%s of %d conditions", name, len(list))
		}
		hold := 0
		for _, one := range list {
			is, err := r.condition(s, one)
			if err != nil {
				return false, err
			}
			if is {
				hold++
			}
		}
		return map[string]bool{"Fn::Not": hold == 0, "Fn::And": hold == len(list), "Fn::Or": hold > 0}[name], nil
	}
	return false, fmt.Errorf("%s is no condition", name)
}

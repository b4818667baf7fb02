// Package policytest judges requests by IAM's documents, as IAM does, for tests: an evaluator of the part of the language
// that pkg/cloud/policy writes, and an Account, which stands before the emulators and lets through what policies allow.
package policytest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Request is what IAM is asked about: one action on one resource. Context has the keys of the request, in lower case, and
// their values; a key that the request does not have is not there.
type Request struct {
	Action, Resource string
	Principal        string // ARN of the role that calls, or the service; for trust policies
	Context          map[string][]string
}

// Policy is a document, read.
type Policy struct{ statements []statement }

type statement struct {
	name       string // its Sid, or its number
	deny       bool
	principals []string // nil: the document is of a role and names none
	actions    []string
	resources  []string // nil: the document is of trust and names none
	conditions []condition
}

type condition struct {
	operator string // without its set, and without IfExists
	exists   bool   // IfExists: it holds of a key that is absent
	set      string // "", ForAllValues or ForAnyValue
	key      string // in lower case
	values   []string
}

// Parse reads a document of a role, or of whom it trusts. What the evaluator does not know of the language is an error and never passed over.
func Parse(document []byte) (Policy, error) { return parse(document, false) }

// ParseResource reads a document of a resource, whose statements name both who may and what.
func ParseResource(document []byte) (Policy, error) { return parse(document, true) }

func parse(document []byte, both bool) (Policy, error) {
	var d struct {
		Version   string
		ID        string `json:"Id"`
		Statement []struct {
			Sid, Effect      string
			Principal        principal
			Action, Resource list
			Condition        map[string]map[string]list
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	if d.Version != "2012-10-17" {
		return Policy{}, fmt.Errorf("policy: version %q has no variables", d.Version)
	}
	var p Policy
	for i, s := range d.Statement {
		out := statement{name: cmp.Or(s.Sid, fmt.Sprint("#", i+1)), deny: s.Effect == "Deny", actions: s.Action, resources: s.Resource, principals: append(s.Principal["AWS"], s.Principal["Service"]...)}
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || both != (s.Resource != nil && s.Principal != nil) ||
			s.Resource == nil && s.Principal == nil || s.Principal != nil && (len(s.Principal) != 1 || len(out.principals) == 0) {
			return p, fmt.Errorf("policy: statement %q: an effect, an action, a resource or a principal of AWS or a service, both of a resource's", s.Sid)
		}
		for operator, keys := range s.Condition {
			for key, values := range keys {
				c := condition{operator: operator, key: strings.ToLower(key), values: values}
				if set, of, ok := strings.Cut(operator, ":"); ok {
					c.set, c.operator = set, of
				}
				c.operator, c.exists = strings.CutSuffix(c.operator, "IfExists")
				if err := c.check(); err != nil {
					return p, fmt.Errorf("policy: statement %q: %w", s.Sid, err)
				}
				out.conditions = append(out.conditions, c)
			}
		}
		p.statements = append(p.statements, out)
	}
	return p, nil
}

func (c condition) check() error {
	known := slices.Contains([]string{"StringEquals", "StringLike", "ArnLike", "ArnEquals", "Bool", "NumericLessThan"}, c.operator) && slices.Contains([]string{"", "ForAllValues", "ForAnyValue"}, c.set)
	null := c.operator == "Null" && c.set == "" && !c.exists && len(c.values) == 1 && (c.values[0] == "true" || c.values[0] == "false")
	if !known && !null {
		return fmt.Errorf("%s %s of %s is not known", c.set, c.operator, c.key)
	}
	return nil
}

// principal is by kind; "*" is anybody.
type principal map[string]list

// UnmarshalJSON reads either.
func (p *principal) UnmarshalJSON(b []byte) error {
	if string(b) == `"*"` {
		*p = principal{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(b, (*map[string]list)(p))
}

// list is one string or several.
type list []string

// UnmarshalJSON reads either; a number or a bool is the text that it is written with.
func (l *list) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*l = list{""}
		return json.Unmarshal(b, &(*l)[0])
	}
	if len(b) > 0 && b[0] != '[' && b[0] != '{' && b[0] != 'n' {
		*l = list{string(b)}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// Allows tells whether a statement allows the request and none denies it.
func (p Policy) Allows(r Request) bool {
	allow, deny := p.decide(r, false)
	return len(allow) > 0 && len(deny) == 0
}

// decide gives the names of the statements that allow the request, and of those that deny it. Where it is narrow, a statement for a whole
// account allows nothing: it leaves it to the account's own policies.
func (p Policy) decide(r Request, narrow bool) (allow, deny []string) {
	for _, s := range p.statements {
		switch {
		case !s.is(r):
		case s.deny:
			deny = append(deny, s.name)
		case !narrow || slices.ContainsFunc(s.principals, func(p string) bool { return p == r.Principal || p == "*" }):
			allow = append(allow, s.name)
		}
	}
	return allow, deny
}

// by tells whether a principal of a document is who asks: itself, the whole account that it is of, or anybody.
func (r Request) by(principal string) bool {
	account, whole := strings.CutSuffix(principal, ":root")
	of, _, role := strings.Cut(r.Principal, ":role/")
	return principal == r.Principal || principal == "*" || whole && role && account == of
}

func (s statement) is(r Request) bool {
	if !slices.ContainsFunc(s.actions, func(a string) bool { return matches(strings.ToLower(a), strings.ToLower(r.Action), nil) }) {
		return false
	}
	if s.principals != nil && !slices.ContainsFunc(s.principals, r.by) {
		return false
	}
	if s.resources != nil && !slices.ContainsFunc(s.resources, func(a string) bool { return matches(a, r.Resource, r.Context) }) {
		return false
	}
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(r.Context) })
}

// holds follows the language: a key that is absent is Null, meets ForAllValues and nothing else; several values need a set.
func (c condition) holds(context map[string][]string) bool {
	values, there := context[c.key]
	one := func(value string) bool {
		return slices.ContainsFunc(c.values, func(pattern string) bool {
			if c.operator == "StringEquals" || c.operator == "Bool" {
				literal, ok := expand(pattern, context)
				return ok && equal(literal, value)
			}
			if c.operator == "NumericLessThan" {
				is, err := strconv.ParseFloat(value, 64)
				bound, err2 := strconv.ParseFloat(pattern, 64)
				return err == nil && err2 == nil && is < bound
			}
			if strings.HasPrefix(c.operator, "Arn") {
				return likeARN(pattern, value, context)
			}
			return matches(pattern, value, context)
		})
	}
	switch {
	case c.operator == "Null":
		return (c.values[0] == "true") == (len(values) == 0)
	case c.exists && !there:
		return true
	case c.set == "ForAllValues":
		return !slices.ContainsFunc(values, func(v string) bool { return !one(v) })
	case c.set == "ForAnyValue":
		return slices.ContainsFunc(values, one)
	}
	return there && len(values) == 1 && one(values[0])
}

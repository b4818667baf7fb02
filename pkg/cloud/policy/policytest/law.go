package policytest

import (
	"fmt"
	"slices"
	"strings"
)

// Kind says what a Rule's document is of.
type Kind string

// The kinds of rules.
const (
	Identity Kind = "identity" // what a role may
	Trust    Kind = "trust"    // who may take a role
	Resource Kind = "resource" // who may do what with a bucket, a queue, a key, a function
)

// Rule is a document of an account.
type Rule struct {
	Kind     Kind
	Of       string // ARN of the role or the resource
	Name     string // of the document, for people
	Document []byte
}

// Law is all rules of an account. It does not change.
type Law struct {
	rules map[Kind]map[string][]named // by ARN
}

type named struct {
	name string
	Policy
}

// NewLaw reads documents; several of one role or resource hold together.
func NewLaw(rules ...Rule) (*Law, error) {
	l := &Law{rules: map[Kind]map[string][]named{Identity: {}, Trust: {}, Resource: {}}}
	for _, r := range rules {
		p, err := parse(r.Document, r.Kind == Resource)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		for i, s := range p.statements {
			if r.Kind == Identity && s.resources == nil || r.Kind == Trust && s.principals == nil {
				return nil, fmt.Errorf("%s: statement %d is of another kind than %s", r.Name, i+1, r.Kind)
			}
		}
		l.rules[r.Kind][r.Of] = append(l.rules[r.Kind][r.Of], named{r.Name, p})
	}
	return l, nil
}

// Decision is what was asked and how it was decided.
type Decision struct {
	Request
	Allowed bool
	By      []string // statements that allowed it, or that denied it where some did: the document's name, "/", and the Sid or "#" and a number
}

// Decide decides as IAM does within one account: nothing is allowed by itself, and a denial wins. A role is taken where its own document
// and the caller's allow it (IAM would be content with a trust policy that names the caller); a key is used where the key's document
// allows it to the caller, or to the caller's account and the caller's own does; anything else where one of the two does.
func (l *Law) Decide(r Request) Decision {
	own, denied := l.of(Identity, r.Principal, r, false)
	d := Decision{Request: r}
	var others, whole []string
	switch service, _, _ := strings.Cut(r.Action, ":"); {
	case service == "sts":
		theirs, against := l.of(Trust, r.Resource, r, false)
		denied = append(denied, against...)
		switch {
		case elsewhere(r) && l.rules[Trust][r.Resource] == nil:
			d.By = own
		case len(theirs) > 0 && (len(own) > 0 || !strings.Contains(r.Principal, ":role/")):
			d.By = append(own, theirs...)
		}
	case service == "kms":
		var against []string
		others, against = l.of(Resource, r.Resource, r, true)
		whole, _ = l.of(Resource, r.Resource, r, false)
		denied = append(denied, against...)
		if d.By = others; len(others) == 0 && len(whole) > 0 && len(own) > 0 {
			d.By = append(own, whole...)
		}
	default:
		var against []string
		others, against = l.of(Resource, owner(service, r.Resource), r, true)
		denied = append(denied, against...)
		d.By = append(own, others...)
	}
	if d.Allowed = len(d.By) > 0 && len(denied) == 0; len(denied) > 0 {
		d.By = denied
	}
	return d
}

// owner is the ARN of what has the document that a resource is under: an object's bucket.
func owner(service, resource string) string {
	if service == "s3" {
		resource, _, _ = strings.Cut(resource, "/")
	}
	return resource
}

// of asks all documents of a kind of a role or resource.
func (l *Law) of(kind Kind, arn string, r Request, narrow bool) (allow, deny []string) {
	for _, p := range l.rules[kind][arn] {
		a, d := p.decide(r, narrow)
		for _, s := range a {
			allow = append(allow, p.name+"/"+s)
		}
		for _, s := range d {
			deny = append(deny, p.name+"/"+s)
		}
	}
	return slices.Clip(allow), deny
}

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// Mutant is a law in which one statement is another, and what finds it out.
type Mutant struct {
	Statement string // the document's name, "/", and its Sid or "#" and its number
	Change    string
	Killed    string // by which call of the record, or which probe; "" where it lives
}

// Change kinds that take a statement away.
const dropped = "dropped"

// Foreign is what belongs to nobody who was recorded: another tenant, another stage and another account.
const (
	foreignTenant  = "ten_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
	foreignAccount = "999999999999"
	foreign        = "other"
)

// Record is what an account has decided by its rules.
type Record struct {
	Rules []policytest.Rule
	Calls []policytest.Decided
	Stage string // in the names of all that is the stage's own

	law *policytest.Law
}

// statement is where one is.
type statement struct {
	rule, number int
	name         string
	body         map[string]any
}

// Mutants drops each statement that allowed a call, and widens each one's actions, resources, principals and conditions. A statement that
// is dropped must have a recorded call denied; one that is widened must let a probe through that is denied by the rules as they are. The
// second answer are the statements by which nothing was allowed.
func (r *Record) Mutants() (all []Mutant, unused []string, err error) {
	if r.law, err = policytest.NewLaw(r.Rules...); err != nil {
		return nil, nil, err
	}
	by := map[string][]policytest.Decided{}
	r.Calls = slices.DeleteFunc(slices.Clone(r.Calls), func(d policytest.Decided) bool { // of a platform that was there before, under other names
		return !d.Allowed || !r.law.Decide(d.Request).Allowed
	})
	for _, d := range r.Calls {
		for _, name := range d.By {
			by[name] = append(by[name], d)
		}
	}
	for _, s := range r.statements() {
		calls := by[s.name]
		if s.body["Effect"] == "Deny" {
			m, err := r.denial(s)
			if err != nil {
				return nil, nil, err
			}
			all = append(all, m)
			continue
		}
		if len(calls) == 0 {
			unused = append(unused, s.name)
			continue
		}
		of, err := r.mutantsOf(s, calls)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, of...)
	}
	return all, unused, nil
}

func (r *Record) statements() (all []statement) {
	for i, rule := range r.Rules {
		var d struct{ Statement []map[string]any }
		_ = json.Unmarshal(rule.Document, &d) // NewLaw has read it
		for n, body := range d.Statement {
			name, _ := body["Sid"].(string)
			if name == "" {
				name = fmt.Sprint("#", n+1)
			}
			all = append(all, statement{i, n, rule.Name + "/" + name, body})
		}
	}
	return all
}

// with gives the law with another statement in the place of one, or none where it is nil.
func (r *Record) with(s statement, body map[string]any) (*policytest.Law, error) {
	var d map[string]any
	if err := json.Unmarshal(r.Rules[s.rule].Document, &d); err != nil {
		return nil, err
	}
	list := slices.Clone(d["Statement"].([]any))
	if body == nil {
		list = slices.Delete(list, s.number, s.number+1)
	} else {
		list[s.number] = body
	}
	d["Statement"] = list
	document, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	rules := slices.Clone(r.Rules)
	rules[s.rule].Document = document
	return policytest.NewLaw(rules...)
}

// denial drops a statement that denies: what it was there for must be let through.
func (r *Record) denial(s statement) (Mutant, error) {
	m, owner := Mutant{Statement: s.name, Change: dropped}, *r
	owner.Rules = append(slices.Clone(r.Rules), policytest.Rule{Kind: policytest.Identity, Of: ownerRole, Name: "owner",
		Document: []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)})
	before, err := policytest.NewLaw(owner.Rules...)
	if err != nil {
		return m, err
	}
	after, err := owner.with(s, nil)
	if err != nil {
		return m, err
	}
	of := r.Rules[s.rule].Of
	for _, action := range []string{"s3:GetObject", "sqs:SendMessage"} {
		for _, unsafe := range []map[string][]string{{"aws:securetransport": {"false"}, "s3:tlsversion": {"1.3"}}, {"aws:securetransport": {"true"}, "s3:tlsversion": {"1.0"}}} {
			q := policytest.Request{Action: action, Resource: of, Principal: ownerRole, Context: unsafe}
			if strings.HasPrefix(action, "s3:") {
				q.Resource += "/file"
			}
			if !before.Decide(q).Allowed && after.Decide(q).Allowed {
				m.Killed = fmt.Sprintf("%s of whoever may do all, over %v", action, unsafe)
			}
		}
	}
	return m, nil
}

// ownerRole is one that may do all that nothing denies.
const ownerRole = "arn:aws:iam::" + policytest.AccountID + ":role/owner"

func (r *Record) mutantsOf(s statement, calls []policytest.Decided) (all []Mutant, err error) {
	law, err := r.with(s, nil)
	if err != nil {
		return nil, err
	}
	drop := Mutant{Statement: s.name, Change: dropped}
	for _, d := range calls {
		if !law.Decide(d.Request).Allowed {
			drop.Killed = fmt.Sprintf("%s of %s", d.Action, short(d.Principal))
			break
		}
	}
	all = append(all, drop)
	wider := widened(s.body)
	for _, change := range slices.Sorted(maps.Keys(wider)) {
		if law, err = r.with(s, wider[change]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", s.name, change, err)
		}
		all = append(all, Mutant{s.name, change, r.passes(law, calls)})
	}
	return all, nil
}

// passes tells which probe, made of calls, is let through by a law and not by the one there is.
func (r *Record) passes(law *policytest.Law, calls []policytest.Decided) string {
	seen := map[string]int{}
	for _, d := range calls {
		kind := d.Action + " " + d.Principal
		if seen[kind]++; seen[kind] > 6 {
			continue
		}
		for _, p := range r.probes(d) {
			if law.Decide(p.Request).Allowed && !r.law.Decide(p.Request).Allowed {
				return p.says
			}
		}
	}
	return ""
}

// widened gives the statements that a statement becomes when one part of it is "*" or gone, by what was done.
func widened(body map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	with := func(part string, value any) map[string]any {
		b := maps.Clone(body)
		b[part] = value
		return b
	}
	action := fmt.Sprint(first(body["Action"]))
	service, name, _ := strings.Cut(action, ":")
	if name != "*" {
		all["any action"] = with("Action", service+":*")
	}
	if of := body["Resource"]; of != nil && first(of) != "*" {
		all["any resource"] = with("Resource", "*")
	}
	if of, _ := body["Principal"].(map[string]any); of != nil && first(of["AWS"]) != "*" {
		all["any principal"] = with("Principal", map[string]any{"AWS": "*"})
	}
	conditions, _ := body["Condition"].(map[string]any)
	for operator, of := range conditions {
		keys, _ := of.(map[string]any)
		for key := range keys {
			rest := maps.Clone(keys)
			delete(rest, key)
			others := maps.Clone(conditions)
			if others[operator] = rest; len(rest) == 0 {
				delete(others, operator)
			}
			b := with("Condition", others)
			if len(others) == 0 {
				delete(b, "Condition")
			}
			all["without "+operator+" "+key] = b
		}
	}
	return all
}

// first is the one text of a list, or the first.
func first(v any) any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list[0]
	}
	return v
}

// short is the end of an ARN.
func short(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

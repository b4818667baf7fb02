package policytest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Decided is a decision and how often it was made.
type Decided struct {
	Decision
	Times int
}

// decide decides by the law and records it. A role of another account that refuses is not this one's denial.
func (a *Account) decide(law *Law, r Request) Decision {
	d := law.Decide(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	key := d.key()
	if a.decisions[key] == nil {
		a.decisions[key] = &Decided{Decision: d}
	}
	a.decisions[key].Times++
	if own, _ := law.of(Identity, r.Principal, r, false); !d.Allowed && !(elsewhere(r) && len(own) > 0) {
		a.denied = append(a.denied, r)
	}
	return d
}

// key is the same for the same decision.
func (d Decision) key() string {
	var b strings.Builder
	fmt.Fprint(&b, d.Principal, " ", d.Action, " ", d.Resource, " ", d.Allowed)
	for _, key := range slices.Sorted(maps.Keys(d.Context)) {
		fmt.Fprintf(&b, " %s=%q", key, d.Context[key])
	}
	return b.String()
}

// Ask decides a request of a service of AWS itself, as S3's that tells a queue of an object, and records it.
func (a *Account) Ask(r Request) bool {
	a.mu.Lock()
	law := a.law
	a.mu.Unlock()
	return a.decide(law, r).Allowed
}

// Decisions gives all that was decided so far, each once.
func (a *Account) Decisions() (all []Decided) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(a.decisions)) {
		all = append(all, *a.decisions[key])
	}
	return all
}

// Rules gives those that hold.
func (a *Account) Rules() []Rule {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.rules)
}

// Tell has calls of DynamoDB, S3 and others told of that went well, with the role in whose session they were made, until it is nil.
func (a *Account) Tell(of func(r *http.Request, service, role string, body []byte)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.after = of
}

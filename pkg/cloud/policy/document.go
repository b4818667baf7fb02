// Package policy is who may do what on AWS: IAM's documents, as values. The tenant-data role reaches what is of the tenant
// that its session is tagged with; the functions reach no tenant's data but by that role. Whatever is not named here is
// denied: reading tables whole (Scan, PartiQL, exports, streams) above all.
package policy

import "encoding/json"

// version is that of the language. In the older one "${...}" is no variable.
const version = "2012-10-17"

// Document is a policy, of a role or of whom it trusts.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement allows actions. Conditions must hold all, and of the values of each one.
type Statement struct {
	Sid       string
	Effect    string
	Principal *Principal `json:",omitempty"`
	Action    []string
	Resource  []string   `json:",omitempty"`
	Condition Conditions `json:",omitempty"`
}

// Principal is who a role trusts: ARNs of roles, or services.
type Principal struct {
	AWS     []string `json:",omitempty"`
	Service []string `json:",omitempty"`
}

// Conditions are values by key of the request by operator.
type Conditions map[string]map[string][]string

// JSON gives the document as IAM takes it.
func (d Document) JSON() []byte {
	b, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings alone
	}
	return b
}

func document(all ...Statement) Document { return Document{Version: version, Statement: all} }

func allow(sid string, actions []string, on ...string) Statement {
	return Statement{Sid: sid, Effect: "Allow", Action: actions, Resource: on}
}

// when gives the statement under conditions, its only ones.
func (s Statement) when(c Conditions) Statement {
	s.Condition = c
	return s
}

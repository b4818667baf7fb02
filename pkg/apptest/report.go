package apptest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/route"
)

// Class is a kind of probes: a column of the report.
type Class string

// The classes of probes.
const (
	Public   Class = "public"
	Identity Class = "identity"
	Stranger Class = "stranger"
	Role     Class = "role"
	Limited  Class = "limited"
	Child    Class = "child"
	InBody   Class = "body"
	InQuery  Class = "query"
	InHeader Class = "header"
	Cursor   Class = "cursor"
	Logged   Class = "log"
	Changed  Class = "data"
)

// Classes lists them, with what they do.
var Classes = []struct {
	Class
	Does string
}{
	{Public, "An operation for everybody, asked without a token: the answer holds no mark."},
	{Identity, "No token, no JWT, expired, of another issuer, for another audience, unsigned (alg none), tampered with, not for access: 401. API keys that were revoked, have expired, never were or are none: 401, the same bytes."},
	{Stranger, "A member of another tenant, an API key of one, and somebody who is in none, on the tenant's own paths and on spellings near them: 404, the same bytes as for a tenant that never was."},
	{Role, "Each role below the permission: 403, the same bytes whether the children are there, another tenant's or nobody's. Each role with it: neither 401 nor 403. The same of API keys of each role, for which there are permissions that no role of theirs has."},
	{Limited, "A member and an API key limited to another project: 404, the same bytes as for a project that never was; where the path names none, no mark of the hidden project, and nothing of it changed. Page by page, no cursor stands on what is not shown. Where the operation is of the whole organization, every role so limited: 403, and nothing changed."},
	{Child, "Each ID of the path below the tenant, and all at once, taken from another tenant: 404, the same bytes as for an ID that never was."},
	{InBody, "IDs of another tenant in each text of the body and in fields that are not there: answered as IDs that never were, in a twin of the caller's tenant."},
	{InQuery, "The same in each parameter of the query, and in parameters that are not there."},
	{InHeader, "The same in each header that is read, in headers that proxies set, and another tenant's Idempotency-Key."},
	{Cursor, "Another tenant's cursor: 400, the same bytes as for a cursor that never was."},
	{Logged, "The log lines of all these requests hold no mark and no ID of the other tenant, and no token or key of anybody."},
	{Changed, "Every item and file of the other tenant is the same, byte for byte, after all these requests."},
}

// Report is what a run of the Matrix found.
type Report struct {
	Rows  []Row
	Leaks []Leak
}

// Row is one operation and how many probes of each class it was asked.
type Row struct {
	Operation route.Operation
	Probes    map[Class]int
	told      string // what the callers were told of the victim by the test
}

// Leak is a probe that was not answered as it should be.
type Leak struct {
	Operation string
	Class     Class
	Probe     string // which of the class
	Says      string // what is wrong
}

// String is all of it.
func (l Leak) String() string {
	return fmt.Sprintf("%s: %s: %s: %s", l.Operation, l.Class, l.Probe, l.Says)
}

// Probes is how many there were.
func (r *Report) Probes() (n int) {
	for _, row := range r.Rows {
		for _, p := range row.Probes {
			n += p
		}
	}
	return n
}

// Table is the report as a table in Markdown: a row an operation, a column a class.
func (r *Report) Table() string {
	var b strings.Builder
	b.WriteString("| operation |")
	for _, c := range Classes {
		fmt.Fprintf(&b, " %s |", c.Class)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(Classes)) + "\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s |", row.Operation.ID)
		for _, c := range Classes {
			if n := row.Probes[c.Class]; n > 0 {
				fmt.Fprintf(&b, " %d |", n)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%d operations, %d probes, %d leaks\n", len(r.Rows), r.Probes(), len(r.Leaks))
	return b.String()
}

// Document is the page that tells of it. It holds nothing that differs from run to run.
func (r *Report) Document() string {
	var b strings.Builder
	b.WriteString("# Isolation, shown over every operation\n\n" +
		"`make isolation` attacks every operation that the API has, as the one list of operations in pkg/api has them, on the embedded store " +
		"and on DynamoDB Local, and writes this page; a test holds it to the operations there are. The victim is a tenant that has something of " +
		"each kind, with a mark in every text and one amount. The numbers are of probes on each engine.\n\n")
	b.WriteString(r.Table())
	b.WriteString("\nNo answer of any probe holds a mark of the victim, an ID of it that was not sent, or a failure of the server's.\n\n")
	for _, c := range Classes {
		fmt.Fprintf(&b, "- **%s**: %s\n", c.Class, c.Does)
	}
	return b.String()
}

// judge counts a probe that was answered, and what is wrong with the answer: what says tells, if anything, or that it
// shows what is the victim's or is a failure of the server's.
func (m *matrix) judge(c Class, probe string, a *Answer, says string) {
	if says == "" && a.Status >= 500 {
		says = fmt.Sprintf("it is answered with %d: %.300s", a.Status, a.Body)
	}
	if shown := m.shows(string(a.Body)+headers(a), a.sent+m.row.told); says == "" {
		says = shown
	}
	m.count(c, probe, says)
}

// count counts a probe; says is "" where all is well.
func (m *matrix) count(c Class, probe, says string) {
	m.row.Probes[c]++
	if says != "" {
		m.report.Leaks = append(m.report.Leaks, Leak{m.op.ID, c, probe, says})
	}
}

// secrets tells whether a text holds a token or a key.
func secrets(text string) string {
	if at := aSecret.FindStringIndex(text); at != nil {
		return "they hold a secret: " + clean(text[max(at[0]-60, 0):at[0]])
	}
	return ""
}

// aSecret is the beginning of an API key, of an invitation's token, of an ExternalId, or of a JWT.
var aSecret = regexp.MustCompile(`\btn[tie]_[a-z2-7]|\beyJ`)

// shows tells which of the victim's marks and IDs are in a text, leaving out IDs that were sent.
func (m *matrix) shows(text, sent string) string {
	for _, secret := range append([]string{mark, amount}, m.victim.ids()...) {
		if strings.Contains(text, secret) && !strings.Contains(sent, secret) {
			at := strings.Index(text, secret)
			return "it shows " + clean(text[max(at-60, 0):min(at+60, len(text))])
		}
	}
	return ""
}

func headers(a *Answer) string {
	var b strings.Builder
	_ = a.Header.Write(&b)
	return b.String()
}

// ids are all of the tenant's.
func (p *party) ids() []string {
	all := []string{string(p.Tenant), string(p.Project), string(p.other)}
	for _, id := range p.children {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

func is(a *Answer, status int) string {
	if a.Status != status {
		return fmt.Sprintf("it is answered with %d and not %d: %.300s", a.Status, status, a.Body)
	}
	if kind := a.Header.Get("Content-Type"); status >= 400 && kind != "application/problem+json" {
		return "it is answered as " + kind
	}
	return ""
}

func clean(s string) string { return fmt.Sprintf("%q", s) }

package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// never are IDs that are well-formed and nobody's, by the names of path parameters. A new parameter that ends in Id has
// a line here. Real ones come of the POST on the collection above the parameter, else of elsewhere.
var never = map[string]string{
	"tenantId": "ten_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "projectId": "prj_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "importId": "imp_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
	"memberId": "mem_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "invitationId": "inv_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "exportId": "exp_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
	"connectionId": "con_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "runId": "run_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "keyId": "key_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "resourceId": "res_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
	"billingAccountId": "bil_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
}

// Never is an ID that is well-formed and nobody's, by the name of a path parameter; "" where none is known.
func Never(parameter string) string { return never[parameter] }

// elsewhere makes what no operation of the API makes, by the names of path parameters, in a tenant.
var elsewhere = map[string]func(testing.TB, *App, *party) string{
	"memberId": func(_ testing.TB, a *App, p *party) string {
		return string(tenant.MemberIDOf(p.Tenant, a.Issuer.URL, p.subject))
	},
	"resourceId": func(t testing.TB, a *App, p *party) string {
		return string(a.collect(t, p.Home, "account of "+p.subject, p.subject))
	},
	"billingAccountId": func(t testing.TB, _ *App, p *party) string {
		issuer, billed := "issuer", "5"
		if strings.Contains(p.subject, mark) {
			issuer, billed = mark+"-issuer", amount
		}
		account := "bil_" + strings.TrimPrefix(string(tenant.MemberIDOf(p.Tenant, "bill", p.subject)), "mem_")
		p.Bill(t, account, issuer, billed)
		p.Invoice(t, account, issuer, billed)
		return account
	},
}

// Matrix attacks every operation from everywhere where nobody should get through, at a server (the app's own where it is
// ""), and tells what came of it. The victim is a tenant of its own, full of marks that nobody else may see.
func (a *App) Matrix(t testing.TB, server string, ops []route.Operation) *Report {
	m := &matrix{TB: t, app: a, server: server, real: api.Operations(), report: &Report{}, next: map[string]first{}}
	if server == "" {
		m.server = a.URL
	}
	m.plant()
	for _, op := range ops {
		m.page(op)
	}
	m.app.settle()
	m.app.WorkJobs(m) // else what the victim has asked for is done when somebody else's work is
	m.logged, m.before = len(a.Log.String()), m.victims()
	for _, op := range ops {
		m.report.Rows = append(m.report.Rows, Row{Operation: op, Probes: map[Class]int{}})
		m.op, m.row = op, &m.report.Rows[len(m.report.Rows)-1]
		m.attack()
	}
	return m.report
}

// matrix is a run of the Matrix.
type matrix struct {
	testing.TB
	app    *App
	server string            // whose operations are attacked
	real   []route.Operation // of the app's own server, which set the scene
	victim *party
	bad    map[string]string // keys that do not hold
	next   map[string]first  // the victim's pages, by operation
	report *Report

	op     route.Operation // that is being attacked
	row    *Row
	logged int // bytes of the log that were looked at
	before map[string]string
}

// party is a tenant with two projects and what an attack needs to know of it.
type party struct {
	*Home
	subject  string // of its owner
	other    tenant.ProjectID
	children map[string]string // IDs, by the names of path parameters
}

// attack takes one operation through all probes.
func (m *matrix) attack() {
	if m.op.Permission == tenant.Public {
		a := m.send("", shot{})
		m.judge(Public, "no token", a, is(a, http.StatusOK))
		return
	}
	m.identities()
	own, twin, other := m.found(m.op.ID+"-a"), m.found(m.op.ID+"-b"), m.found(m.op.ID+"-e")
	if m.ofTenant() {
		m.strangers(other)
		m.roles(other)
		m.foreignChildren(own)
		m.cursors(own)
		m.inBodies(own, twin)
		m.inQueries(own, twin)
		m.inHeaders(own, twin)
		m.limited()
		m.allowed()
	} else {
		m.keys(other)
		m.cursors(own)
		m.inBodies(own, twin)
		m.inQueries(own, twin)
		m.inHeaders(own, twin)
	}
	m.aftermath()
}

// aftermath looks at the log and at all that the victim has.
func (m *matrix) aftermath() {
	m.app.Work(m)
	m.app.With("").Get(m, "/v1/health") // on the connection of the last probe, whose line is written by then
	text := m.app.Log.Since(m.logged)
	m.logged += len(text)
	m.count(Logged, "its lines", m.shows(text, ""))
	m.count(Logged, "secrets", secrets(text))
	after := m.victims()
	says := ""
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if m.before[name] != after[name] {
			says = "it changed " + clean(name)
		}
	}
	for name := range m.before {
		if _, there := after[name]; !there {
			says = "it removed " + clean(name)
		}
	}
	m.count(Changed, "what the other tenant has", says)
	m.before = after
}

// victims is all that the platform holds of the victim.
func (m *matrix) victims() map[string]string {
	all := m.app.Holdings(m)
	for name, bytes := range all {
		_, before := m.before[name]
		of := strings.Contains(name, string(m.victim.Tenant)) || strings.Contains(name, mark)
		if !of && !before && (m.before != nil || !strings.Contains(bytes, string(m.victim.Tenant))) {
			delete(all, name)
		}
	}
	return all
}

func (m *matrix) ofTenant() bool { return slices.Contains(parametersOf(m.op), "tenantId") }

// parametersOf gives the names of the path's parameters that are IDs.
func parametersOf(op route.Operation) (names []string) {
	for segment := range strings.SplitSeq(op.Path, "/") {
		if name := strings.Trim(segment, "{}"); name != segment && strings.HasSuffix(name, "Id") {
			names = append(names, name)
		}
	}
	return names
}

// shot is one request: the operation's example, changed.
type shot struct {
	path   map[string]string
	query  url.Values
	header map[string]string
	body   any // instead of the example's where not nil
}

// send sends a shot of the operation that is attacked.
func (m *matrix) send(token string, s shot) *Answer { return m.sendAs(m.server, m.op, token, s) }

func (m *matrix) sendAs(server string, op route.Operation, token string, s shot) *Answer {
	r, err := op.NewRequest(m.Context(), server, s.path)
	require.NoError(m, err, "operation %s: give its Spec an Example that NewRequest can send", op)
	body, err := io.ReadAll(r.Body)
	require.NoError(m, err)
	if s.body != nil {
		body, err = json.Marshal(s.body)
		require.NoError(m, err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	q := r.URL.Query()
	maps.Copy(q, s.query)
	r.URL.RawQuery = q.Encode()
	for name, value := range s.header {
		r.Header.Set(name, value)
	}
	var sent bytes.Buffer
	require.NoError(m, r.Header.Write(&sent))
	a := (&Client{app: m.app, Token: token}).Send(m, r)
	a.sent = sent.String() + r.URL.String() + string(body)
	return a
}

// own is the path of the operation in a tenant, with children of the tenant.
func (m *matrix) own(p *party) map[string]string {
	ids := map[string]string{}
	for _, name := range parametersOf(m.op) {
		ids[name] = m.child(p, m.op.Path, name)
	}
	return ids
}

// child gives the ID that a parameter of a path has in a tenant, and makes what it names where it is not there yet.
func (m *matrix) child(p *party, path, name string) string {
	switch name {
	case "tenantId":
		return string(p.Tenant)
	case "projectId":
		return string(p.Project)
	}
	require.NotEmpty(m, never[name], "operation %s: add a well-formed ID that is nobody's for the path parameter %q to `never` in "+
		"pkg/apptest/matrix.go", m.op, name)
	collection, _, _ := strings.Cut(path, "/{"+name+"}")
	key := name
	if strings.Contains(collection, "{projectId}") {
		key += " of the project"
	}
	if p.children[key] == "" {
		p.children[key] = m.make(p, collection, name)
	}
	return p.children[key]
}

// make makes a child with the POST on its collection.
func (m *matrix) make(p *party, collection, name string) string {
	for _, op := range m.real {
		if op.Method == http.MethodPost && op.Path == collection {
			return m.create(p, op, shot{path: m.inTenant(p, op)})
		}
	}
	made := elsewhere[name]
	require.NotNil(m, made, "operation %s: no operation is POST %s, so that nothing of the kind can be made: add how to `elsewhere` in "+
		"pkg/apptest/matrix.go, under %q", m.op, collection, name)
	return made(m, m.app, p)
}

// create sends a creation of the app's own server, has the work done that it asks for, and gives the ID of what came of it.
func (m *matrix) create(p *party, op route.Operation, s shot) string {
	if s.body == nil {
		s.body = m.example(p, op)
	}
	a := m.sendAs(m.app.URL, op, p.Token, s)
	require.Less(m, a.Status, 300, "operation %s: its Example must work in a new tenant: %s", op, a.Body)
	var made struct{ ID string }
	a.Into(m, &made)
	require.NotEmpty(m, made.ID, "operation %s: its answer has no id: %s", op, a.Body)
	m.app.WorkJobs(m)
	require.NoError(m, m.app.WorkRuns(m))
	return made.ID
}

func (m *matrix) inTenant(p *party, op route.Operation) map[string]string {
	ids := map[string]string{}
	for _, name := range parametersOf(op) {
		ids[name] = m.child(p, op.Path, name)
	}
	return ids
}

var anID = regexp.MustCompile(`\b([a-z]{3})_[0-9A-HJKMNP-TV-Z]{26}\b`)

// example is the body of an operation's example, with the tenant's own project where the example names one; nil for none.
func (m *matrix) example(p *party, op route.Operation) any {
	r, err := op.NewRequest(m.Context(), m.server, nil)
	require.NoError(m, err, "operation %s: give its Spec an Example that NewRequest can send", op)
	var v any
	if err := json.NewDecoder(r.Body).Decode(&v); err == io.EOF {
		return nil
	} else {
		require.NoError(m, err)
	}
	return texts(v, "body", func(_, old string) any {
		if strings.HasPrefix(old, "prj_") && anID.MatchString(old) {
			return string(p.Project)
		}
		return old
	})
}

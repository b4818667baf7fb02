package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Three tenants, five people and the API keys that they make do anything in any order. A small model says what each of them may see and change, and no
// answer says anything else.
func TestNoRequestSeesOrChangesWhatTheModelForbids(t *testing.T) {
	a := apptest.New(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := newModel(rt, t, a, run)
		rt.Repeat(map[string]func(*rapid.T){
			"":               m.look,
			"join":           m.join,
			"leave":          m.leave,
			"change role":    m.changeRole,
			"create project": m.createProject,
			"rename project": m.renameProject,
			"archive":        m.archiveProject,
			"import":         m.createImport,
			"rename tenant":  m.renameTenant,
			"read import":    m.readImport,
			"live":           m.live,
			"erase":          m.erase,
			"make key":       m.makeKey,
			"change key":     m.changeKey,
			"revoke key":     m.revokeKey,
		})
	})
}

// model is what is true of one run. Texts of a tenant begin with its mark, which is in no other tenant.
type model struct {
	outer   *testing.T // for what fails on the way
	app     *apptest.App
	people  []string
	keys    []*modelKey
	tenants []*modelTenant
	n       int // makes names new
	clients map[string]*apptest.Client
	signed  time.Time // when the clients' tokens were
}

type modelTenant struct {
	id       tenant.ID
	mark     string
	name     string
	members  map[string]modelMember
	projects []*modelProject
	imports  []modelImport
	standing
}

type modelMember struct {
	role    tenant.Role
	limited bool
	sees    []tenant.ProjectID // where limited
}

type modelProject struct {
	id       tenant.ProjectID
	name     string
	archived bool
}

type modelImport struct {
	id      string
	project tenant.ProjectID // "" of all
}

func newModel(rt *rapid.T, outer *testing.T, a *apptest.App, run int) *model {
	m := &model{outer: outer, app: a, clients: map[string]*apptest.Client{}}
	t := m.in(rt)
	for i := range 5 {
		m.people = append(m.people, fmt.Sprintf("p%d-of-run-%d", i, run))
	}
	for i := range 3 {
		mark := fmt.Sprintf("mark%c%d-", 'a'+i, run)
		o := &modelTenant{mark: mark, name: mark + "tenant", members: map[string]modelMember{m.people[i]: {role: tenant.Owner}}}
		var made struct{ ID string }
		a.Advance(time.Millisecond) // IDs sort by it
		m.as(t, m.people[i]).Do(t, "POST", "/v1/tenants", map[string]any{"name": o.name}).Is(t, 201).Into(t, &made)
		o.id = tenant.ID(made.ID)
		m.tenants = append(m.tenants, o)
	}
	return m
}

// failing fails as rapid does, so that it looks for the shortest failure.
type failing struct {
	testing.TB
	rt *rapid.T
}

func (f failing) Errorf(format string, args ...any) { f.rt.Errorf(format, args...) }

func (f failing) FailNow() { f.rt.FailNow() }

func (m *model) in(rt *rapid.T) testing.TB { return failing{m.outer, rt} }

func (m *model) person(rt *rapid.T) string { return rapid.SampledFrom(m.people).Draw(rt, "person") }

// caller is a person or, by its ID, an API key, revoked or not.
func (m *model) caller(rt *rapid.T) string {
	all := slices.Clone(m.people)
	for _, k := range m.keys {
		all = append(all, k.id)
	}
	return rapid.SampledFrom(all).Draw(rt, "caller")
}

func (m *model) tenant(rt *rapid.T) *modelTenant {
	return m.tenants[rapid.IntRange(0, len(m.tenants)-1).Draw(rt, "tenant")]
}

// project draws a project, most often the tenant's: "" of none that is there.
func (m *model) project(rt *rapid.T, o *modelTenant) (tenant.ProjectID, *modelProject) {
	all := slices.Clone(o.projects)
	if rapid.IntRange(0, 3).Draw(rt, "whose project") == 0 {
		all = nil
		for _, other := range m.tenants {
			all = append(all, other.projects...)
		}
	}
	if len(all) == 0 {
		return tenant.ProjectID(apptest.Never("projectId")), nil
	}
	p := rapid.SampledFrom(all).Draw(rt, "project")
	if !slices.Contains(o.projects, p) {
		return p.id, nil
	}
	return p.id, p
}

func (m *model) name(o *modelTenant) string {
	m.n++
	return fmt.Sprintf("%s%d", o.mark, m.n)
}

// as is a caller's client. Signing is slow: a token is kept for half of its hour.
func (m *model) as(t testing.TB, person string) *apptest.Client {
	if k := m.key(person); k != nil {
		return m.app.With(k.secret)
	}
	if m.app.Now().Sub(m.signed) > 30*time.Minute {
		clear(m.clients)
		m.signed = m.app.Now()
	}
	if m.clients[person] == nil {
		m.clients[person] = m.app.As(t, person)
	}
	return m.clients[person]
}

// ask sends a request of a caller about a tenant and checks the status: 401 to a revoked key, 404 to who is no member, 403 to
// whose role does not include it, to who is limited to projects where it is of the whole organization and to keys where people are
// asked for, else what is wanted of those who may; and that nothing
// of another tenant or a hidden project is said.
func (m *model) ask(t testing.TB, person string, o *modelTenant, need tenant.Permission, want int, method, path string, body any) (*apptest.Answer, bool) {
	m.app.Advance(time.Millisecond)
	a := m.as(t, person).Do(t, method, "/v1/tenants/"+string(o.id)+path, body)
	member, is := o.members[person]
	k := m.key(person)
	switch {
	case k != nil && k.revoked:
		want = 401
	case !is:
		want = 404
	case !member.role.May(need), k != nil && need.Personal(), !o.lets(member.role, need):
		want = 403
	case member.limited && (need == tenant.WriteTenant || need == tenant.OwnTenant): // of the whole organization
		want = 403
	}
	a.Is(t, want)
	for _, other := range m.tenants {
		if other != o {
			require.NotContains(t, string(a.Body), other.mark)
		}
	}
	for _, p := range o.projects {
		if !member.may(p.id) {
			require.NotContains(t, string(a.Body), `"`+p.name+`"`)
		}
	}
	return a, want < 300
}

// may tells whether a member sees a project.
func (m modelMember) may(p tenant.ProjectID) bool { return !m.limited || slices.Contains(m.sees, p) }

// ofProject is the status of what is asked of a project by who has the permission.
func (m *model) ofProject(person string, o *modelTenant, p *modelProject, good int) int {
	if p == nil || !o.members[person].may(p.id) {
		return 404
	}
	return good
}

// look compares what one person sees of everything with the model.
func (m *model) look(rt *rapid.T) {
	t, person, o := m.in(rt), m.caller(rt), m.tenant(rt)
	if k := m.key(person); k != nil && k.revoked {
		m.as(t, person).Get(t, "/v1/tenants").Is(t, 401)
		m.as(t, person).Get(t, "/v1/me").Is(t, 401)
		m.ask(t, person, o, tenant.ReadTenant, 401, "GET", "", nil)
		return
	}
	var want, got []string
	for _, other := range m.tenants {
		if member, is := other.members[person]; is {
			want = append(want, other.name+" "+string(member.role))
		}
	}
	var tenants struct{ Items []struct{ Name, Role string } }
	m.as(t, person).Get(t, "/v1/tenants").Is(t, 200).Into(t, &tenants)
	for _, i := range tenants.Items {
		got = append(got, i.Name+" "+i.Role)
	}
	require.Equal(t, want, got)
	if a, ok := m.ask(t, person, o, tenant.ReadTenant, 200, "GET", "", nil); ok {
		require.Contains(t, string(a.Body), `"`+o.name+`"`)
	}
	var list struct {
		Items []struct {
			ID, Name string
			Archived bool
		}
	}
	if a, ok := m.ask(t, person, o, tenant.ReadProject, 200, "GET", "/projects?limit=200", nil); ok {
		a.Into(t, &list)
		var want, got []modelProject
		for _, p := range o.projects {
			if o.members[person].may(p.id) {
				want = append(want, *p)
			}
		}
		for _, i := range list.Items {
			got = append(got, modelProject{tenant.ProjectID(i.ID), i.Name, i.Archived})
		}
		require.Equal(t, want, got)
	}
	list.Items = nil
	if a, ok := m.ask(t, person, o, tenant.ReadDelivery, 200, "GET", "/imports?limit=200", nil); ok {
		a.Into(t, &list)
		var want, got []string
		for _, i := range o.imports {
			if o.members[person].mayImport(i) {
				want = append([]string{i.id}, want...) // youngest first
			}
		}
		for _, i := range list.Items {
			got = append(got, i.ID)
		}
		require.Equal(t, want, got)
	}
	id, p := m.project(rt, o)
	m.ask(t, person, o, tenant.ReadProject, m.ofProject(person, o, p, 200), "GET", "/projects/"+string(id), nil)
}

// mayImport tells whether a member sees a delivery: who is limited, those aimed at a project of theirs.
func (m modelMember) mayImport(i modelImport) bool {
	return !m.limited || i.project != "" && m.may(i.project)
}

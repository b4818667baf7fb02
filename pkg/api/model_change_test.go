package api_test

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// membership writes what a person is in a tenant, and lets the minute pass that anything is believed.
func (m *model) membership(rt *rapid.T, person string, o *modelTenant, as modelMember, action store.Action) {
	t := m.in(rt)
	if o.gone {
		return // nobody joins what is not there
	}
	row := identity.Member{Tenant: o.id, Issuer: m.app.Issuer.URL, Subject: person, Role: as.role, Limited: as.limited, Projects: as.sees, CreatedAt: m.app.Now()}
	changes := row.Changes()
	for i := range changes {
		changes[i].Action, changes[i].Condition = action, store.Condition{}
	}
	require.NoError(t, m.app.Store.Directory().Write(m.outer.Context(), changes...))
	m.app.Advance(identity.Fresh)
	if action == store.Delete {
		delete(o.members, person)
	} else {
		o.members[person] = as
	}
}

func (m *model) join(rt *rapid.T) {
	person, o := m.person(rt), m.tenant(rt)
	if _, is := o.members[person]; !is {
		m.membership(rt, person, o, m.draw(rt, o), store.Put)
	}
}

func (m *model) changeRole(rt *rapid.T) {
	person, o := m.person(rt), m.tenant(rt)
	if _, is := o.members[person]; is {
		m.membership(rt, person, o, m.draw(rt, o), store.Put)
	}
}

func (m *model) leave(rt *rapid.T) {
	person, o := m.person(rt), m.tenant(rt)
	if _, is := o.members[person]; is {
		m.membership(rt, person, o, modelMember{}, store.Delete)
	}
}

// draw draws what somebody is in a tenant.
func (m *model) draw(rt *rapid.T, o *modelTenant) modelMember {
	as := modelMember{role: rapid.SampledFrom([]tenant.Role{tenant.Owner, tenant.Admin, tenant.Editor, tenant.Viewer}).Draw(rt, "role")}
	if as.limited = rapid.Bool().Draw(rt, "limited"); as.limited {
		for _, p := range o.projects {
			if rapid.Bool().Draw(rt, "sees") {
				as.sees = append(as.sees, p.id)
			}
		}
	}
	return as
}

func (m *model) createProject(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	name, want := m.name(o), 201
	if o.members[person].limited {
		want = 403
	}
	a, ok := m.ask(m.in(rt), person, o, tenant.WriteProject, want, "POST", "/projects", map[string]any{"name": name, "environment": "test"})
	if ok {
		var made struct{ ID string }
		a.Into(m.in(rt), &made)
		o.projects = append(o.projects, &modelProject{id: tenant.ProjectID(made.ID), name: name})
	}
}

func (m *model) renameProject(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	id, p := m.project(rt, o)
	name := m.name(o)
	if _, ok := m.ask(m.in(rt), person, o, tenant.WriteProject, m.ofProject(person, o, p, 200), "PATCH", "/projects/"+string(id), map[string]any{"name": name}); ok {
		p.name = name
	}
}

func (m *model) archiveProject(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	id, p := m.project(rt, o)
	if _, ok := m.ask(m.in(rt), person, o, tenant.WriteProject, m.ofProject(person, o, p, 200), "POST", "/projects/"+string(id)+"/archive", nil); ok {
		p.archived = true
	}
}

func (m *model) createImport(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	body := map[string]any{"format": "csv", "source": o.mark[:len(o.mark)-1]}
	id, p := m.project(rt, o)
	path, of, want := "/projects/"+string(id)+"/imports", id, m.ofProject(person, o, p, 201)
	if rapid.Bool().Draw(rt, "aimed") {
		body["sizeBytes"] = 1
		if want == 201 && p.archived {
			want = 409
		}
	} else {
		path, of, want = "/imports", "", 201
		body["files"] = []any{map[string]any{"sizeBytes": 1}}
		if o.members[person].limited {
			want = 403
		}
	}
	if a, ok := m.ask(m.in(rt), person, o, tenant.WriteDelivery, want, "POST", path, body); ok {
		var made struct{ ID string }
		a.Into(m.in(rt), &made)
		o.imports = append(o.imports, modelImport{made.ID, of})
	}
}

func (m *model) readImport(rt *rapid.T) {
	person, o, whose := m.caller(rt), m.tenant(rt), m.tenant(rt)
	i := modelImport{id: apptest.Never("importId")}
	if len(whose.imports) > 0 {
		i = rapid.SampledFrom(whose.imports).Draw(rt, "import")
	}
	want := 404
	if slices.Contains(o.imports, i) && o.members[person].mayImport(i) {
		want = 200
	}
	m.ask(m.in(rt), person, o, tenant.ReadDelivery, want, "GET", "/imports/"+i.id, nil)
}

func (m *model) renameTenant(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	name := m.name(o)
	if _, ok := m.ask(m.in(rt), person, o, tenant.WriteTenant, 200, "PATCH", "", map[string]any{"name": name}); ok {
		o.name = name
	}
}

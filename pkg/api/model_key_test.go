package api_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// modelKey is an API key, which calls under its ID as people do under their names.
type modelKey struct {
	id, secret string
	of         *modelTenant
	revoked    bool
}

// key gives the key that a caller is, nil where it is a person.
func (m *model) key(caller string) *modelKey {
	i := slices.IndexFunc(m.keys, func(k *modelKey) bool { return k.id == caller })
	if i < 0 {
		return nil
	}
	return m.keys[i]
}

// within tells whether a member holds all that another has.
func (m modelMember) within(holder modelMember) bool {
	beyond := func(p tenant.ProjectID) bool { return !holder.may(p) }
	return holder.role.AtLeast(m.role) && (!holder.limited || m.limited && !slices.ContainsFunc(m.sees, beyond))
}

// drawKey draws what a key is: no owner, and limited to something where it is limited.
func (m *model) drawKey(rt *rapid.T, o *modelTenant) (as modelMember, body map[string]any) {
	as = m.draw(rt, o)
	if as.role == tenant.Owner {
		as.role = tenant.Admin
	}
	as.limited = len(as.sees) > 0
	body = map[string]any{"name": o.mark + "key", "role": as.role}
	if as.limited {
		body["projects"] = as.sees
	}
	return as, body
}

func (m *model) makeKey(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	as, body := m.drawKey(rt, o)
	maker, want := o.members[person], 201
	switch {
	case slices.ContainsFunc(as.sees, func(p tenant.ProjectID) bool { return !maker.may(p) }):
		want = 422
	case !as.within(maker):
		want = 403
	}
	if a, ok := m.ask(m.in(rt), person, o, tenant.WriteKey, want, "POST", "/api-keys", body); ok {
		var made struct{ ID, Key string }
		a.Into(m.in(rt), &made)
		m.keys = append(m.keys, &modelKey{id: made.ID, secret: made.Key, of: o})
		o.members[made.ID] = as
	}
}

// drawn gives a key of any tenant, revoked or not, and what it is in a tenant: false where it is nothing there.
func (m *model) drawn(rt *rapid.T, o *modelTenant) (id string, is modelMember, there bool) {
	if len(m.keys) == 0 {
		return apptest.Never("keyId"), is, false
	}
	k := rapid.SampledFrom(m.keys).Draw(rt, "key")
	is, there = o.members[k.id]
	return k.id, is, there
}

func (m *model) changeKey(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	id, was, there := m.drawn(rt, o)
	is, maker := was, o.members[person]
	is.role = rapid.SampledFrom([]tenant.Role{tenant.Admin, tenant.Editor, tenant.Viewer}).Draw(rt, "role")
	want := 200
	switch {
	case !there:
		want = 404
	case is.role != was.role && (!was.within(maker) || !is.within(maker)):
		want = 403
	}
	if _, ok := m.ask(m.in(rt), person, o, tenant.WriteKey, want, "PATCH", "/api-keys/"+id, map[string]any{"role": is.role}); ok {
		o.members[id] = is
	}
}

func (m *model) revokeKey(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	id, is, there := m.drawn(rt, o)
	want := 204
	switch {
	case !there:
		want = 404
	case !is.within(o.members[person]):
		want = 403
	}
	if _, ok := m.ask(m.in(rt), person, o, tenant.WriteKey, want, "DELETE", "/api-keys/"+id, nil); ok {
		m.key(id).revoked = true
		delete(o.members, id)
	}
}

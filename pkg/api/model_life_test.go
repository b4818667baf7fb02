package api_test

import (
	"net/url"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/erasure"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// standing is a tenant's life in the model: the zero standing is that of an active one.
type standing struct {
	status tenant.Status
	before tenant.Status // of one that is being deleted
	gone   bool          // erased
}

// lets tells whether a tenant's standing leaves a role a permission that it has.
func (s standing) lets(r tenant.Role, need tenant.Permission) bool {
	switch s.status {
	case tenant.Suspended:
		return !need.Changes()
	case tenant.Deleting:
		return r == tenant.Owner && !need.Changes()
	}
	return true
}

// live takes one step of a tenant's life.
func (m *model) live(rt *rapid.T) {
	person, o := m.caller(rt), m.tenant(rt)
	step := rapid.SampledFrom([]string{"suspend", "activate", "delete", "restore"}).Draw(rt, "step")
	method, path, want, next := "POST", "/"+step, 200, o.standing
	switch {
	case step == "delete":
		method, path, want = "DELETE", "?name="+url.QueryEscape(o.name), 202
		if o.status != tenant.Deleting {
			next = standing{status: tenant.Deleting, before: o.status}
		}
	case step == "restore":
		if o.status == tenant.Deleting {
			next = standing{status: o.before}
		}
	case o.status == tenant.Deleting:
		want = 409
	case step == "suspend":
		next.status = tenant.Suspended
	default:
		next.status = ""
	}
	if _, ok := m.ask(m.in(rt), person, o, tenant.OwnTenant, want, method, path, nil); ok {
		o.standing = next
	}
}

// erase lets all times of grace be over.
func (m *model) erase(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "is it time") != 0 {
		return
	}
	m.app.Advance(apptest.Grace + time.Second)
	for range 4 {
		require.NoError(m.in(rt), m.app.Jobs.Handle(m.outer.Context(), job.Message{Kind: erasure.Due}))
		m.app.WorkJobs(m.in(rt))
		m.app.Advance(61 * time.Minute)
	}
	for _, o := range m.tenants {
		if o.status != tenant.Deleting {
			continue
		}
		o.standing, o.members = standing{gone: true}, map[string]modelMember{}
		for _, k := range m.keys {
			k.revoked = k.revoked || k.of == o
		}
	}
}

// Package grant says what somebody is given in a tenant: a role and, where it is limited, the projects it is for. Nobody gives
// more than they hold.
package grant

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Grant is what a membership or an API key gives, or an invitation will.
type Grant struct {
	Role     tenant.Role        `json:"role" enum:"owner,admin,editor,viewer"`
	Limited  bool               `json:"limited" doc:"To the projects; otherwise it is for all that there are and will be."`
	Projects []tenant.ProjectID `json:"projects,omitempty" doc:"Those that you see yourself."`
}

// Within tells whether the scope's principal holds all that the grant gives.
func (g Grant) Within(scope *tenant.Scope) bool {
	if !scope.Role().AtLeast(g.Role) {
		return false
	}
	beyond := func(p tenant.ProjectID) bool { return !scope.Sees(p) }
	return !scope.Limited() || g.Limited && !slices.ContainsFunc(g.Projects, beyond)
}

// AskWithin refuses what the scope's principal does not hold.
func (g Grant) AskWithin(scope *tenant.Scope) error {
	if g.Within(scope) {
		return nil
	}
	if scope.Limited() {
		return fault.New(fault.Forbidden, "You can give, change and take only what you hold yourself: at most the role %s, limited to "+
			"your projects. Ask somebody who holds more.", scope.Role())
	}
	return fault.New(fault.Forbidden, "You can give, change and take only what you hold yourself: at most the role %s. Ask an owner.", scope.Role())
}

// SeenBy leaves out the projects that the scope's principal does not see.
func (g Grant) SeenBy(scope *tenant.Scope) Grant {
	g.Projects = slices.DeleteFunc(slices.Clone(g.Projects), func(p tenant.ProjectID) bool { return !scope.Sees(p) })
	return g
}

// Equal tells whether both give the same.
func (g Grant) Equal(o Grant) bool {
	return g.Role == o.Role && g.Limited == o.Limited && slices.Equal(g.Projects, o.Projects)
}

// Check refuses a grant that makes no sense.
func (g Grant) Check() error {
	switch {
	case g.Limited && g.Role == tenant.Owner:
		return fault.New(fault.Invalid, "An owner sees all projects: give another role, or do not limit it to projects.").
			At("body.projects", "cannot be for an owner", "")
	case g.Limited && len(g.Projects) == 0:
		return fault.New(fault.Invalid, "Say in body.projects which projects it is limited to.").At("body.projects", "is missing", "")
	}
	return nil
}

// Patch is what a caller changes of a grant; nil leaves it as it is.
type Patch struct {
	Role     *string
	Limited  *bool
	Projects *[]string
}

// Of gives the grant with what the patch says, checked, for the scope's principal.
func (p Patch) Of(ctx context.Context, st *store.Store, scope *tenant.Scope, g Grant) (Grant, error) {
	if p.Role != nil {
		g.Role = tenant.Role(*p.Role)
	}
	if p.Limited != nil {
		if g.Limited = *p.Limited; !g.Limited {
			g.Projects = nil
		}
	}
	if p.Projects != nil {
		if p.Limited != nil && !*p.Limited {
			return g, fault.New(fault.Invalid, "Leave out body.projects, or body.limited: they say different things.").
				At("body.projects", "is given where limited is false", "")
		}
		ids, err := Named(ctx, st, scope, *p.Projects)
		if err != nil {
			return g, err
		}
		g.Limited, g.Projects = true, ids
	}
	return g, g.Check()
}

// Named gives the projects that a request names, each once, in order. They are there, and the scope's principal sees them.
func Named(ctx context.Context, st *store.Store, scope *tenant.Scope, names []string) ([]tenant.ProjectID, error) {
	if len(names) == 0 {
		return nil, nil
	}
	h, err := st.Tenant(scope)
	if err != nil {
		return nil, err
	}
	all, _, err := project.Read(ctx, h)
	if err != nil {
		return nil, err
	}
	there := map[tenant.ProjectID]bool{tenant.Unassigned: true}
	for _, p := range all.Projects {
		there[p.ID] = true
	}
	bad := fault.New(fault.Invalid, "There are projects named that are not in this organization; errors says which.")
	var ids []tenant.ProjectID
	for i, name := range names {
		id := tenant.ProjectID(name)
		if !there[id] || !scope.Sees(id) {
			bad.At(fmt.Sprintf("body.projects[%d]", i), "is no project of this organization", "")
		}
		ids = append(ids, id)
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

package member

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Grant is what a membership gives, or an invitation will.
type Grant struct {
	Role     tenant.Role        `json:"role" enum:"owner,admin,editor,viewer"`
	Limited  bool               `json:"limited" doc:"To the projects; otherwise it is for all that there are and will be."`
	Projects []tenant.ProjectID `json:"projects,omitempty" doc:"Those that you see yourself."`
}

// within tells whether the scope's principal holds all that the grant gives.
func (g Grant) within(scope *tenant.Scope) bool {
	if !scope.Role().AtLeast(g.Role) {
		return false
	}
	beyond := func(p tenant.ProjectID) bool { return !scope.Sees(p) }
	return !scope.Limited() || g.Limited && !slices.ContainsFunc(g.Projects, beyond)
}

// askWithin refuses what the scope's principal does not hold.
func (g Grant) askWithin(scope *tenant.Scope) error {
	if g.within(scope) {
		return nil
	}
	if scope.Limited() {
		return fault.New(fault.Forbidden, "You can give, change and take only what you hold yourself: at most the role %s, limited to "+
			"your projects. Ask somebody who holds more.", scope.Role())
	}
	return fault.New(fault.Forbidden, "You can give, change and take only what you hold yourself: at most the role %s. Ask an owner.", scope.Role())
}

// seenBy leaves out the projects that the scope's principal does not see.
func (g Grant) seenBy(scope *tenant.Scope) Grant {
	g.Projects = slices.DeleteFunc(slices.Clone(g.Projects), func(p tenant.ProjectID) bool { return !scope.Sees(p) })
	return g
}

func (g Grant) equal(o Grant) bool {
	return g.Role == o.Role && g.Limited == o.Limited && slices.Equal(g.Projects, o.Projects)
}

// check refuses a grant that makes no sense.
func (g Grant) check() error {
	switch {
	case g.Limited && g.Role == tenant.Owner:
		return fault.New(fault.Invalid, "An owner sees all projects: give another role, or do not limit it to projects.").
			At("body.projects", "cannot be for an owner", "")
	case g.Limited && len(g.Projects) == 0:
		return fault.New(fault.Invalid, "Say in body.projects which projects it is limited to.").At("body.projects", "is missing", "")
	}
	return nil
}

// named gives the projects that a request names, each once, in order. They are there, and the scope's principal sees them.
func (s *Service) named(ctx context.Context, scope *tenant.Scope, names []string) ([]tenant.ProjectID, error) {
	if len(names) == 0 {
		return nil, nil
	}
	h, err := s.Store.Tenant(scope)
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

// count goes through all items of a span of the directory.
func count(ctx context.Context, d *store.Directory, span store.DirectorySpan, counts func(*store.Record) (bool, error)) (n int64, err error) {
	l := store.List{Consistency: store.Strongly}
	for {
		page, err := d.Query(ctx, span, l)
		if err != nil {
			return 0, err
		}
		for i := range page.Records {
			yes, err := counts(&page.Records[i])
			if err != nil {
				return 0, err
			}
			if yes {
				n++
			}
		}
		if l.After = page.Next; l.After == "" {
			return n, nil
		}
	}
}

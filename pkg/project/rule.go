package project

import (
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// A project's rule selects the lines of its AccountIDs, or of any account where there are none, that have all tags of its
// TagSelector. Without both it selects nothing. Rules of one tenant never select the same line: admit sees to it.

// rules tells whether the project selects lines at all.
func (p Project) rules() bool { return len(p.AccountIDs) > 0 || len(p.TagSelector) > 0 }

func sameRules(a, b Project) bool {
	return slices.Equal(a.AccountIDs, b.AccountIDs) && maps.Equal(a.TagSelector, b.TagSelector)
}

// Overlap tells whether the rules of both could select the same line.
func Overlap(a, b Project) bool {
	if !a.rules() || !b.rules() {
		return false
	}
	for key, value := range a.TagSelector {
		if other, ok := b.TagSelector[key]; ok && other != value {
			return false
		}
	}
	if len(a.AccountIDs) == 0 || len(b.AccountIDs) == 0 {
		return true
	}
	accounts := make(map[string]bool, len(a.AccountIDs))
	for _, id := range a.AccountIDs {
		accounts[id] = true
	}
	return slices.ContainsFunc(b.AccountIDs, func(id string) bool { return accounts[id] })
}

// admit refuses a project whose name is taken or whose rule overlaps another's. It speaks of the other where the member may
// know of it; rules are not those members' to set who see a part of the projects.
func (r Roster) admit(scope *tenant.Scope, p Project) error {
	for _, q := range r.Projects {
		switch {
		case q.ID == p.ID:
		case !p.Archived && !q.Archived && strings.EqualFold(p.Name, q.Name) && !scope.Sees(q.ID):
			return fault.New(fault.Conflict, "The name is taken in your organization by what you do not see. Choose another one.")
		case !p.Archived && !q.Archived && strings.EqualFold(p.Name, q.Name):
			return fault.New(fault.Conflict, "There is the project %q already. Choose another name, or archive that one.", q.Name)
		case !scope.Limited() && Overlap(p, q):
			return fault.New(fault.Conflict, "The rules overlap with those of the project %q: a line could belong to both. Take accounts away, or tell "+
				"the two apart by different values of one tag.", q.Name)
		}
	}
	return nil
}

// Assigner finds the project of lines, quickly: it is made once for many.
type Assigner struct {
	byAccount map[string][]rule
	anywhere  []rule
}

type rule struct {
	project tenant.ProjectID
	tags    []pair
}

type pair struct{ key, value string }

// Assigner prepares the rules of all projects, archived ones too.
func (r Roster) Assigner() *Assigner {
	a := &Assigner{byAccount: map[string][]rule{}}
	for _, p := range r.Projects {
		if !p.rules() {
			continue
		}
		to := rule{project: p.ID}
		for _, key := range slices.Sorted(maps.Keys(p.TagSelector)) {
			to.tags = append(to.tags, pair{key, p.TagSelector[key]})
		}
		for _, id := range p.AccountIDs {
			a.byAccount[id] = append(a.byAccount[id], to)
		}
		if len(p.AccountIDs) == 0 {
			a.anywhere = append(a.anywhere, to)
		}
	}
	return a
}

// Assign gives the project of a line by its SubAccountId and tags, Unassigned where no rule selects it. tags gives a tag's
// value, "" where the line has none. It is safe for concurrent use.
func (a *Assigner) Assign(subAccountID string, tags func(key string) string) tenant.ProjectID {
	for _, rules := range [2][]rule{a.byAccount[subAccountID], a.anywhere} {
		for _, r := range rules {
			if r.selects(tags) {
				return r.project
			}
		}
	}
	return tenant.Unassigned
}

func (r rule) selects(tags func(string) string) bool {
	for _, t := range r.tags {
		if tags(t.key) != t.value {
			return false
		}
	}
	return true
}

// Assign is the Assigner's for a single line.
func (r Roster) Assign(subAccountID string, tags func(key string) string) tenant.ProjectID {
	return r.Assigner().Assign(subAccountID, tags)
}

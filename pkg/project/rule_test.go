package project_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestAssign(t *testing.T) {
	r := project.Roster{Projects: []project.Project{
		{ID: "prj_A", AccountIDs: []string{"1", "2"}},
		{ID: "prj_B", AccountIDs: []string{"3"}, TagSelector: map[string]string{"env": "prod"}},
		{ID: "prj_C", AccountIDs: []string{"3"}, TagSelector: map[string]string{"env": "dev", "app": "x"}, Archived: true},
		{ID: "prj_D", TagSelector: map[string]string{"env": "shared"}},
		{ID: "prj_E"},
	}}
	for name, c := range map[string]struct {
		account string
		tags    map[string]string
		want    tenant.ProjectID
	}{
		"by account":                {"2", nil, "prj_A"},
		"by account, whatever tags": {"1", map[string]string{"env": "prod"}, "prj_A"},
		"by account and tag":        {"3", map[string]string{"env": "prod"}, "prj_B"},
		"by all of its tags":        {"3", map[string]string{"env": "dev", "app": "x"}, "prj_C"},
		"not by some of its tags":   {"3", map[string]string{"env": "dev"}, tenant.Unassigned},
		"by tag anywhere":           {"9", map[string]string{"env": "shared"}, "prj_D"},
		"by tag in a shared one":    {"3", map[string]string{"env": "shared"}, "prj_D"},
		"by nothing":                {"9", nil, tenant.Unassigned},
		"by no account":             {"", nil, tenant.Unassigned},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, r.Assign(c.account, func(k string) string { return c.tags[k] }))
		})
	}
}

// By brute force over all lines of a small world.
func TestRulesThatDoNotOverlapNeverSelectALineTwice(t *testing.T) {
	values := []string{"", "a", "b"}
	rapid.Check(t, func(t *rapid.T) {
		var admitted []project.Project
		for i := range 5 {
			p := project.Project{ID: tenant.ProjectID(fmt.Sprint("prj_", i)), Name: fmt.Sprint(i), TagSelector: map[string]string{}}
			p.AccountIDs = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1", "2", "3"}), 0, 2, rapid.ID[string]).Draw(t, "accounts")
			for _, key := range []string{"x", "y"} {
				if v := rapid.SampledFrom(values).Draw(t, key); v != "" {
					p.TagSelector[key] = v
				}
			}
			if !slices.ContainsFunc(admitted, func(q project.Project) bool { return project.Overlap(p, q) }) {
				admitted = append(admitted, p)
			}
		}
		for _, account := range []string{"1", "2", "3", "4"} {
			for _, x := range values {
				for _, y := range values {
					tags := func(key string) string { return map[string]string{"x": x, "y": y}[key] }
					var by []tenant.ProjectID
					for _, p := range admitted {
						if id := (project.Roster{Projects: []project.Project{p}}).Assign(account, tags); id != tenant.Unassigned {
							by = append(by, id)
						}
					}
					require.LessOrEqual(t, len(by), 1)
					if len(by) == 1 {
						require.Equal(t, by[0], project.Roster{Projects: admitted}.Assign(account, tags))
					}
				}
			}
		}
	})
}

func BenchmarkAssign(b *testing.B) {
	var r project.Roster
	for i := range 100 {
		p := project.Project{ID: tenant.ProjectID(fmt.Sprint("prj_", i)), TagSelector: map[string]string{"env": "prod"}}
		for j := range 100 {
			p.AccountIDs = append(p.AccountIDs, fmt.Sprintf("%06d%06d", i, j))
		}
		r.Projects = append(r.Projects, p)
	}
	a := r.Assigner()
	tags := func(string) string { return "prod" }
	for b.Loop() {
		a.Assign("000050000050", tags)
	}
}

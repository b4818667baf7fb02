package tenant

import (
	"fmt"
	"slices"
)

// Plan is what was agreed of how much a tenant may use.
type Plan string

// The plans, smallest first.
const (
	Free       Plan = "free"
	Team       Plan = "team"
	Enterprise Plan = "enterprise"
)

// Limits are a plan's bounds. What is counted by day, month or minute is counted in UTC.
type Limits struct {
	Projects                int64 `json:"projects"` // that are not archived
	Members                 int64 `json:"members"`  // and as many open invitations beside them
	APIKeys                 int64 `json:"apiKeys"`  // that are neither revoked nor expired
	RequestsPerMinute       int64 `json:"requestsPerMinute"`
	ImportsPerDay           int64 `json:"importsPerDay"`
	ImportBytesPerDay       int64 `json:"importBytesPerDay"` // as files are announced
	ExportsPerDay           int64 `json:"exportsPerDay"`
	CollectionPagesPerMonth int64 `json:"collectionPagesPerMonth" doc:"Of Cost Explorer; 1,000 metrics of CloudWatch, which cost the same, count as a page."`
	RetentionDays           int64 `json:"retentionDays" doc:"How long rows of the audit log are kept. Costs are kept for as long as the organization is."`
}

var plans = []struct {
	Plan
	Limits
}{
	//      projects, members, keys, requests, imports, bytes, exports, pages, days
	{Free, Limits{5, 5, 2, 600, 20, 1 << 30, 5, 100, 90}},
	{Team, Limits{50, 50, 20, 6_000, 500, 50 << 30, 5, 2_000, 400}},
	{Enterprise, Limits{1_000, 1_000, 200, 60_000, 10_000, 5 << 40, 5, 50_000, 2_557}},
}

// ParsePlan reads a plan's name.
func ParsePlan(s string) (Plan, error) {
	for _, p := range plans {
		if string(p.Plan) == s {
			return p.Plan, nil
		}
	}
	return "", fmt.Errorf("plans are free, team and enterprise")
}

// Limits of the plan. A plan that does not exist has those of the smallest.
func (p Plan) Limits() Limits {
	i := slices.IndexFunc(plans, func(q struct {
		Plan
		Limits
	}) bool {
		return q.Plan == p
	})
	return plans[max(i, 0)].Limits
}

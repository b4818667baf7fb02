// Package project keeps a tenant's projects: what they are called, what environment they are and which costs are theirs.
package project

import (
	"time"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// Project is a part of a tenant: one account or many, or part of one. JSON is both its wire form and its stored form.
type Project struct {
	ID          tenant.ProjectID  `json:"id"`
	Name        string            `json:"name"`
	Environment string            `json:"environment"` // production|staging|development|test|sandbox|shared|other
	Labels      map[string]string `json:"labels,omitempty"`
	AccountIDs  []string          `json:"accountIds,omitempty"`  // sub-accounts whose lines are the project's
	TagSelector map[string]string `json:"tagSelector,omitempty"` // where not empty, only lines with all these tags
	Regions     []string          `json:"regions,omitempty"`     // where resources are looked for; no rule on costs
	Archived    bool              `json:"archived,omitempty"`
	CreatedAt   time.Time         `json:"createdAt"`
	UpdatedAt   time.Time         `json:"updatedAt"`
}

// Roster is all projects of a tenant in one item, written in the transaction that changes any of them: what queries and rules need
// of all of them at once, and the guard that no two changes let rules overlap. Its order is the projects' creation.
// The project unassigned is not in it.
type Roster struct {
	Projects []Project `json:"projects"`
	Rules    int64     `json:"rules"` // counts up with every change of any project's AccountIDs or TagSelector
}

package collect

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/project"
)

// reach picks the connections that a run of a project goes through. Costs of an account are in its own bill and in its payer's;
// resources and metrics are found in the account alone. A project that names no accounts is given what payers have, and of
// resources and metrics what all have.
func reach(all []connection.Connection, p project.Project, k Kind) (some []connection.Connection) {
	payers := slices.ContainsFunc(all, func(c connection.Connection) bool { return usable(c) && c.Kind == connection.Payer })
	for _, c := range all {
		named := slices.Contains(p.AccountIDs, c.AccountID)
		payer := c.Kind == connection.Payer
		var its bool
		switch {
		case !usable(c):
		case len(p.AccountIDs) > 0:
			its = named || payer && k == Costs
		default:
			its = k != Costs || payer || !payers
		}
		if its {
			some = append(some, c)
		}
	}
	return some
}

// Reaches tells whether a run of a project finds a connection that it can be tried through: one that is broken is.
func Reaches(all []connection.Connection, p project.Project, k Kind) bool {
	return slices.ContainsFunc(reach(all, p, k), func(c connection.Connection) bool { return c.Status != connection.Paused })
}

// usable tells whether a connection was ever one: what is broken or paused is told of, and not passed over.
func usable(c connection.Connection) bool { return c.Status != connection.Pending }

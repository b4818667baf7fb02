package collect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// shown is the run as a member is shown it: who is limited to projects is told nothing of connections, of other projects and of accounts
// that are not the project's.
func (r Run) shown(scope *tenant.Scope, p project.Project) Run {
	r.Connections = slices.Clone(r.Connections)
	for i := range r.Connections {
		part := &r.Connections[i]
		if by := part.FetchedBy; by != nil && !scope.Sees(by.ProjectID) {
			part.FetchedBy = &Origin{}
		}
	}
	if scope.Limited() {
		r.limit(p)
	}
	return r
}

// limit leaves of the run what those may read who know of the project's accounts alone.
func (r *Run) limit(p project.Project) {
	var reasons []string
	hidden := false
	for i := range r.Connections {
		part := &r.Connections[i]
		part.ConnectionID = ""
		if !part.tellsOf(p.AccountIDs) {
			hidden = true
			part.hide()
		}
		if part.Reason != "" {
			reasons = append(reasons, part.why())
		}
	}
	if (hidden || !within(r.Reason, p.AccountIDs)) && r.Reason != "" && r.Status != Cancelled { // which says who cancelled it
		r.Reason = joined(reasons)
		if r.Reason == "" && r.Status == Failed {
			r.Reason = "It could not be done. Somebody who sees the whole organization can tell why."
		}
	}
}

// tellsOf tells whether all that a part says is of these accounts: a payer's speaks of those that it pays for too.
func (p *Part) tellsOf(accounts []string) bool {
	if !slices.Contains(accounts, p.AccountID) || !within(p.Reason, accounts) || !within(p.Stage, accounts) {
		return false
	}
	return !slices.ContainsFunc(p.Skipped, func(s Skipped) bool { return !within(s.Region, accounts) || !within(s.Reason, accounts) })
}

var accountID = regexp.MustCompile(`\d{12}`)

// within tells whether a text names no account beside these.
func within(text string, accounts []string) bool {
	return !slices.ContainsFunc(accountID.FindAllString(text, -1), func(id string) bool { return !slices.Contains(accounts, id) })
}

// unnamed is what is said of the end of a connection to an account that is not named.
var unnamed = map[PartStatus]string{
	AccessDeny: "AWS denies access to it.",
	Capped:     "The plan has no more of what collecting from it takes in this month.",
	PartFailed: "It could not be collected from.",
	Left:       "It is not read at present.",
}

// hide takes out all that names an account or what is in it.
func (p *Part) hide() {
	said := p.Reason != ""
	p.AccountID, p.Reason, p.Stage, p.Skipped = "", "", "", nil
	if !said {
		return
	}
	p.Reason = unnamed[p.Status]
	if p.Status == Collected {
		p.Reason = "Not all could be collected from it."
	}
	if p.Reason != "" {
		p.Reason += " Somebody who sees the whole organization can tell why."
	}
}

// why says of which account the part's reason is.
func (p *Part) why() string {
	return p.naming() + p.Reason
}

func (p *Part) naming() string {
	if p.AccountID == "" {
		return "An account that is not the project's: "
	}
	return "Account " + p.AccountID + ": "
}

// joined makes the reasons of connections the one of a run: few of them, and how many more there are.
func joined(reasons []string) string {
	const most = 5
	text := strings.Join(reasons[:min(most, len(reasons))], " ")
	if len(reasons) > most {
		text += fmt.Sprintf(" And %d more; connections says which.", len(reasons)-most)
	}
	return text
}

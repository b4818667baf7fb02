package store

import (
	"fmt"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Index is a project's index of one view: the current documents.
func Index(p tenant.ProjectID, view string) Key { return ofProject(p, "INDEX#"+view) }

// Document is one part of a period document.
func Document(p tenant.ProjectID, source, view string, period calendar.Month, metric, version string, part int) Key {
	return ofProject(p, fmt.Sprintf("C#%s#%s#%s#%s#%s#%05d", source, view, period, metric, version, part))
}

// YearDocument is one part of a year document.
func YearDocument(p tenant.ProjectID, source, view string, year int, metric, version string, part int) Key {
	return ofProject(p, fmt.Sprintf("Y#%s#%s#%04d#%s#%s#%05d", source, view, year, metric, version, part))
}

// Documents is every part of every document of a project, period and year documents each.
func Documents(p tenant.ProjectID) [2]Span {
	return [2]Span{prefix(ofProject(p, "C#")), prefix(ofProject(p, "Y#"))}
}

// Totals is a project's control totals of one source and billing period.
func Totals(p tenant.ProjectID, source string, period calendar.Month) Key {
	return ofProject(p, "TOTALS#"+source+"#"+period.String())
}

// Run is a run of collection or ingestion in a project.
func Run(p tenant.ProjectID, kind, slot string) Key { return ofProject(p, "RUN#"+kind+"#"+slot) }

// Runs is a project's runs of a kind up to a slot, oldest first; all of them where that is "".
func Runs(p tenant.ProjectID, kind, slot string) Span {
	all := prefix(Run(p, kind, ""))
	if slot != "" {
		all.to = Run(p, kind, slot)
	}
	return all
}

// Resources is one part of what a project has of an account's resources.
func Resources(p tenant.ProjectID, account, gen string, part int) Key {
	return ofProject(p, fmt.Sprintf("RES#%s#%s#%05d", escape(account), gen, part))
}

// Sighting is one part of what was seen of an account's resources and is in no project yet.
func Sighting(account, part string) Key {
	return ofProject(tenant.Unassigned, "RESEEN#"+escape(account)+"#"+part)
}

// Sightings is all of that of an account.
func Sightings(account string) Span { return prefix(Sighting(account, "")) }

// Metrics is one part of what a project has of an account's metrics of a type of resource in a month.
func Metrics(p tenant.ProjectID, kind string, m calendar.Month, account, gen string, part int) Key {
	return ofProject(p, fmt.Sprintf("MET#%s#%s#%s#%s#%05d", escape(kind), m, escape(account), gen, part))
}

// Reading is one part of what was read of an account's metrics and is in no project yet.
func Reading(account, part string) Key {
	return ofProject(tenant.Unassigned, "METREAD#"+escape(account)+"#"+part)
}

// Readings is all of that of an account.
func Readings(account string) Span { return prefix(Reading(account, "")) }

func ofProject(p tenant.ProjectID, sort string) Key {
	return Key{table: CostTable, part: "#P#" + string(p), sort: sort}
}

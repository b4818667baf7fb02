package delivery

import (
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// What the worker does by itself, in rows of the audit log. What workers note for each other (leases, progress, what is to be
// settled) is no change of the delivery and has no row.
const (
	received = "receiveFile"
	ended    = "readImport"
	rebuilt  = "rebuildImport"
)

// told is what rows say of a delivery: little, since it may be changed often and have many files.
type told struct {
	ProjectID   tenant.ProjectID `json:"projectId,omitempty"`
	Source      string           `json:"source,omitempty"`
	Format      string           `json:"format,omitempty"`
	AllowShrink bool             `json:"allowShrink,omitempty"`
	Final       bool             `json:"final,omitempty"`
	Status      Status           `json:"status,omitempty"`
	Files       int              `json:"files,omitempty"`
	SizeBytes   int64            `json:"sizeBytes,omitempty"`
	Received    int              `json:"received,omitempty"`
	Lines       int64            `json:"lines,omitempty"`
	Documents   int              `json:"documentsWritten,omitempty"`
	Periods     []calendar.Month `json:"periods,omitempty"`

	TakenFrom []tenant.ProjectID `json:"takenFrom,omitempty"` // of all periods
	Shadows   []string           `json:"shadows,omitempty"`   // of all periods
}

func tell(d *Delivery) told {
	t := told{ProjectID: d.ProjectID, Source: d.Source, Format: d.Format, AllowShrink: d.AllowShrink, Final: d.Final, Status: d.Status, Files: len(d.Files)}
	for _, f := range d.Files {
		t.SizeBytes += f.SizeBytes
		if f.Received {
			t.Received++
		}
	}
	if d.Result != nil {
		t.summarize(d.Result)
	}
	return t
}

func (t *told) summarize(r *Result) {
	t.Lines, t.Documents = r.Lines, r.DocumentsWritten
	for _, p := range r.Periods {
		t.Periods = append(t.Periods, p.Period)
		t.TakenFrom, t.Shadows = union(t.TakenFrom, p.TakenFrom), union(t.Shadows, p.Shadows)
	}
	slices.Sort(t.Periods)
}

// row tells of a change in the audit log.
func (s *Service) row(ctx context.Context, scope *tenant.Scope, e audit.Event) (store.Change, error) {
	return audit.Log{Clock: s.Clock, Random: s.Random}.Row(ctx, scope, e)
}

func target(id tenant.DeliveryID) string { return "import/" + string(id) }

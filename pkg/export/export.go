// Package export gives a tenant all that the platform holds of it as one archive: its things as JSON Lines, its costs as
// FOCUS CSV. A job writes it, in steps that can be broken off anywhere; it can be downloaded for some days.
package export

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Status of an export.
type Status string

// The statuses, in their order; one that succeeded becomes Expired.
const (
	Queued    Status = "queued"
	Running   Status = "running"
	Succeeded Status = "succeeded" // its archive can be downloaded
	Failed    Status = "failed"    // nothing of it is kept
	Expired   Status = "expired"   // its archive is erased
)

// Export is all that a tenant has, at a moment, as one archive.
type Export struct {
	ID          tenant.ExportID `json:"id" doc:"exp_ and 26 characters."`
	Status      Status          `json:"status" enum:"queued,running,succeeded,failed,expired"`
	CreatedBy   audit.Actor     `json:"createdBy"`
	CreatedAt   time.Time       `json:"createdAt"`
	FinishedAt  *time.Time      `json:"finishedAt,omitempty"`
	ValidUntil  *time.Time      `json:"validUntil,omitempty" doc:"When the archive is erased."`
	Progress    *Progress       `json:"progress,omitempty" doc:"Of a running export."`
	Archive     *Archive        `json:"archive,omitempty" doc:"Of an export that succeeded."`
	Error       string          `json:"error,omitempty" doc:"Of a failed export: what is wrong and what to do."`
	DownloadURL string          `json:"downloadUrl,omitempty" doc:"Serves GET of the archive with no Authorization, for 15 minutes; getting the export again gives another. Whoever has it has the archive."`
}

// Progress of a running export.
type Progress struct {
	Stage    string          `json:"stage" enum:"entities,costs,usage,resources,invoices"`
	Period   *calendar.Month `json:"period,omitempty" doc:"The billing period that is being written."`
	Files    int             `json:"files" doc:"Written so far."`
	Bytes    int64           `json:"bytes" doc:"Of the archive so far."`
	Restarts int             `json:"restarts,omitempty" doc:"How often it was begun anew because deliveries changed what was written."`
}

// Archive is what an export has written.
type Archive struct {
	Name      string   `json:"name"`
	SizeBytes int64    `json:"sizeBytes"`
	SHA256    string   `json:"sha256" doc:"Hexadecimal."`
	Files     []File   `json:"files,omitempty" doc:"What it holds. Left out of lists."`
	Costs     []Totals `json:"costs" doc:"What the charges of costs/ sum to, by currency: what GET costs gives for the same time."`
}

// File is a file of the archive.
type File struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"sizeBytes"`
	Lines     int64  `json:"lines" doc:"Things or charges; a CSV has a header beside them."`
	SHA256    string `json:"sha256" doc:"Hexadecimal."`
}

// Service has the operations on exports and the job that writes them. All fields but Part and Rests are needed.
type Service struct {
	Store  *store.Store
	Files  Files
	Jobs   job.Queue
	Clock  func() time.Time
	Random io.Reader
	Audit  audit.Log
	Part   int // bytes of the archive's parts; 0: PartBytes
	Rests  int // a step ends at this rest of what it writes; 0: at the first after its time is over
}

// Kinds of jobs.
const (
	Kind   job.Kind = "export"
	Ending job.Kind = "end-exports" // of no tenant: erases the archives whose time is over
)

const (
	createExport, listExports, getExport = "createExport", "listExports", "getExport"

	kept         = 7 * 24 * time.Hour
	downloadTime = 15 * time.Minute
)

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, one, tag = "/v1/tenants/{tenantId}/exports", "/v1/tenants/{tenantId}/exports/{exportId}", "Exports"
	return []route.Operation{
		route.ForTenant(route.Spec{ID: createExport, Method: "POST", Path: all, Permission: tenant.ExportTenant, Reach: route.Whole, Function: route.Admin, Tag: tag,
			Status: 202, Summary: "Export everything", Doc: docExport, Example: createIn{}}, s.create),
		route.ForTenant(route.Spec{ID: listExports, Method: "GET", Path: all, Permission: tenant.ExportTenant, Reach: route.Whole, Function: route.Admin, Tag: tag,
			Summary: "List exports", Doc: "Youngest first.", Example: listIn{}}, s.list),
		route.ForTenant(route.Spec{ID: getExport, Method: "GET", Path: one, Permission: tenant.ExportTenant, Reach: route.Whole, Function: route.Admin, Tag: tag,
			Summary: "Get an export", Doc: "Progress while it runs, then what the archive holds and where it can be downloaded. That an address was " +
				"given out is in the audit log.", Example: getIn{ExportID: "exp_01ARZ3NDEKTSV4RRFFQ69G5FAV"}}, s.get),
	}
}

const docExport = `All that the platform holds of the organization, as one zip archive that is kept for 7 days: JSON Lines of each kind of thing as
the API shows it, and all costs that count as FOCUS 1.2 CSV, by billing period. The files of ` + "`costs/`" + ` can be imported again and then
give the same totals by everything that costs can be grouped by with tags; ` + "`README.md`" + ` and ` + "`manifest.json`" + ` in the archive say what is at
what grain. Secrets are not in it, nor the files that were delivered.

Owners and admins may, also while the organization is suspended, and API keys of these roles; while it is being deleted, owners alone. One
export runs at a time, and the plan's exportsPerDay can be begun a UTC day, not counting those that the platform could not write.`

// Used gives how many exports the scope's tenant has begun on the present day, by the name of the plan's limit.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	var b book
	if _, err := t.Read(ctx, store.ExportBook(), &b); err != nil {
		return nil, fmt.Errorf("read how many exports were begun: %w", err)
	}
	if b.Day != calendar.DayOf(s.now()) {
		b.Begun = 0
	}
	return map[string]int64{"exportsPerDay": b.Begun}, nil
}

// Works lists the package's jobs.
func (s *Service) Works() []job.Work {
	return []job.Work{
		{Kind: Kind, Step: s.step, Failed: s.failed, Resting: true},
		{Kind: Ending, Once: s.End},
	}
}

// record is an export as it is stored, with the job's own notes.
type record struct {
	Export
	Attempt int `json:"attempt,omitempty"` // of the archive that there is
}

func (e *Export) done() bool { return e.Status != Queued && e.Status != Running }

// shown is the export as it is at a time.
func (e Export) shown(now time.Time) Export {
	if e.Status == Succeeded && e.ValidUntil != nil && !now.Before(*e.ValidUntil) {
		e.Status = Expired
	}
	return e
}

// book says which export is under way, and how many were begun on a day.
type book struct {
	Active tenant.ExportID `json:"active,omitempty"`
	Day    calendar.Day    `json:"day"`
	Begun  int64           `json:"begun"`
}

func target(id tenant.ExportID) string { return "export/" + string(id) }

// now is the time to the millisecond, which every store keeps.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

// may refuses members who may not have all that the tenant has.
func may(scope *tenant.Scope) error {
	if scope.Standing().Status == tenant.Deleting && scope.Role() != tenant.Owner {
		return fault.Wrap(tenant.ErrDenied, fault.Forbidden, "The organization is being deleted: until then its owners alone may export it.")
	}
	return nil
}

package export

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type createIn struct{ route.IdempotencyKey }

type exportOut struct {
	Location string `header:"Location"`
	Body     Export
}

const attempts = 10

// create makes an export and sends the job. The message is sent again by whoever asks while the export waits: the one who made it
// may have been killed in between.
func (s *Service) create(ctx context.Context, scope *tenant.Scope, in *createIn) (*exportOut, error) {
	if err := may(scope); err != nil {
		return nil, err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), createExport)
	if err != nil {
		return nil, err
	}
	for range attempts {
		id, err := once.Done(ctx, t)
		if err != nil {
			return nil, err
		}
		if id == "" {
			made, err := s.begin(ctx, scope, t, once)
			if store.Conflicted(err) != nil {
				continue
			}
			if err != nil {
				return nil, err
			}
			id = string(made)
		}
		return s.begun(ctx, scope, t, tenant.ExportID(id))
	}
	return nil, fault.New(fault.Conflict, "Others are beginning exports too. Try again.")
}

// begin writes an export, its job and its row, where none is under way.
func (s *Service) begin(ctx context.Context, scope *tenant.Scope, t *store.Tenant, once route.Once) (tenant.ExportID, error) {
	var b book
	version, err := t.Read(ctx, store.ExportBook(), &b)
	if err != nil {
		return "", fmt.Errorf("begin an export: %w", err)
	}
	if b.Active != "" {
		return "", s.busy(ctx, scope, t, b.Active)
	}
	now := s.now()
	if today := calendar.DayOf(now); b.Day != today {
		b = book{Day: today}
	}
	if plan := scope.Standing().Plan; b.Begun >= plan.Limits().ExportsPerDay {
		reset := (b.Day + 1).Time()
		return "", fault.New(fault.Limited, "The plan %s has a limit of exportsPerDay of %d, and they are used up. It is reset at %s. GET .../exports lists them.",
			plan, plan.Limits().ExportsPerDay, reset.Format(time.RFC3339)).Of("exportsPerDay").In(reset.Sub(now))
	}
	id, err := tenant.NewExportID(now, s.Random)
	if err != nil {
		return "", fmt.Errorf("begin an export: %w", err)
	}
	b.Active, b.Begun = id, b.Begun+1
	p := scope.Principal()
	e := Export{ID: id, Status: Queued, CreatedAt: now, CreatedBy: audit.Actor{Issuer: p.Issuer, Subject: p.Subject, Email: p.Email}}
	row, err := s.Audit.Row(ctx, scope, audit.Event{Target: target(id), After: told{Status: Queued}})
	if err != nil {
		return "", err
	}
	err = t.Write(ctx, append(once.Changes(string(id), now),
		store.Change{Key: store.Export(id), Value: record{Export: e}, Condition: store.Absent},
		store.Change{Key: store.ExportBook(), Value: b, Condition: store.VersionIs(version)},
		job.New(message(scope, id), now), row)...)
	return id, err
}

// busy refuses, and sees to the export that is under way.
func (s *Service) busy(ctx context.Context, scope *tenant.Scope, t *store.Tenant, id tenant.ExportID) error {
	if err := job.Again(ctx, s.Jobs, t, message(scope, id), s.Clock()); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "The export %s is under way. Wait until it is finished.", id)
}

func message(scope *tenant.Scope, id tenant.ExportID) job.Message {
	return job.Message{Kind: Kind, Tenant: scope.Tenant(), ID: string(id)}
}

func (s *Service) begun(ctx context.Context, scope *tenant.Scope, t *store.Tenant, id tenant.ExportID) (*exportOut, error) {
	e, _, err := find(ctx, t, string(id))
	if err != nil {
		return nil, err
	}
	if e.Status == Queued {
		if err := job.Again(ctx, s.Jobs, t, message(scope, id), s.Clock()); err != nil {
			return nil, err
		}
	}
	return &exportOut{Location: "/v1/tenants/" + string(scope.Tenant()) + "/exports/" + string(id), Body: e.shown(s.Clock())}, nil
}

// told is what rows of the audit log say of an export.
type told struct {
	Status    Status `json:"status,omitempty"`
	SizeBytes int64  `json:"sizeBytes,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Download  string `json:"downloadUntil,omitempty"`
	Error     string `json:"error,omitempty"`
}

func tell(e *Export) told {
	t := told{Status: e.Status, Error: e.Error}
	if e.Archive != nil {
		t.SizeBytes, t.SHA256 = e.Archive.SizeBytes, e.Archive.SHA256
	}
	return t
}

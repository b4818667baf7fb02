// Package erasure takes away everything of a tenant whose time of grace is over, and keeps the proof that it has.
//
// It goes over all places where a tenant can have something and clears them, then looks at all of them, and begins anew until it
// has once found nothing anywhere; between two passes it waits for as long as anybody who believed the tenant to be there may
// still be writing. A day later it looks once more. Everything that it does can be done again from any moment on.
package erasure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Files takes a tenant's files away: pkg/blob/s3 and pkg/blob/folder.
type Files interface {
	// Left counts the versions of all files of the scope's tenant, at least up to some hundreds.
	Left(ctx context.Context, s *tenant.Scope) (int, error)
	// Sweep removes some of those versions, and tells how many: 0 where there are none.
	Sweep(ctx context.Context, s *tenant.Scope) (int, error)
}

// Schedules takes a tenant's schedules away: pkg/schedule.
type Schedules interface {
	// Left counts the schedules of a tenant.
	Left(ctx context.Context, id tenant.ID) (int, error)
	// Clear removes all of them, and tells how many.
	Clear(ctx context.Context, id tenant.ID) (int, error)
}

// Service erases tenants and shows the proofs. For its operations it needs Store alone.
type Service struct {
	Store     *store.Store
	Files     Files
	Queue     job.Queue
	Schedules Schedules
	Clock     func() time.Time
	Log       *slog.Logger
	Forget    func(tenant.Principal, tenant.ID) // makes this process read the standing of a tenant anew; nil where it has no requests
	Quiet     time.Duration                     // how long who believed in the tenant may go on writing; an hour where 0
	Recovery  time.Duration                     // how far back the database's own backup reaches; 0 where there is none
	Check     time.Duration                     // after the proof, until it is looked once more; a day where 0
}

const (
	// quiet covers beliefs of a minute, functions of 15 minutes, leases, and upload addresses of 45 minutes.
	quiet = time.Hour
	check = 24 * time.Hour

	// Kind is of a job that erases one tenant; its ID is the time of its end in RFC 3339.
	Kind job.Kind = "erasure"
	// Due is of the message that asks for all erasures that are due. Whoever keeps the time sends it again and again.
	Due job.Kind = "erasures"
)

// Works lists what jobs there are.
func (s *Service) Works() []job.Work {
	return []job.Work{{Kind: Kind, Step: s.step, Open: s.open, Endless: true}, {Kind: Due, Once: s.due}}
}

// entry is what the list of what is due has of a tenant, from the request for its end until all is proven.
type entry struct {
	organization.Ending
	job.Record
}

// due sends a message for every erasure that has something to do now. What of the list cannot be read keeps none of the others waiting.
func (s *Service) due(ctx context.Context, _ job.Message) error {
	var failed error
	now := s.Clock()
	span, l := store.Erasures(now), store.List{Consistency: store.Strongly}
	for {
		page, err := s.Store.Directory().Query(ctx, span, l)
		if err != nil {
			return fmt.Errorf("list what is to be erased: %w", err)
		}
		for _, r := range page.Records {
			var e entry
			if err := r.Value.Decode(&e); err != nil {
				failed = errors.Join(failed, fmt.Errorf("read what is to be erased: %w", err))
				continue
			}
			at, _, _ := strings.Cut(r.Address.SK, "#")
			if e.sleeps(now) {
				continue
			}
			if err := s.Queue.Send(ctx, job.Message{Kind: Kind, Tenant: e.Tenant, ID: at}); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return failed
		}
		l.After = page.Next
	}
}

// sleeps tells whether there is nothing to do now: somebody is at it, or it waits.
func (e *entry) sleeps(now time.Time) bool {
	var n notes
	if len(e.Notes) > 0 && json.Unmarshal(e.Notes, &n) != nil {
		return false
	}
	return e.Owner != "" && now.Before(e.Until) || now.Before(n.Next)
}

// open finds the entry. The scope is that of a tenant which nobody else gets one for any more, or which the first step finds not
// to be ending.
func (s *Service) open(_ context.Context, m job.Message) (*job.Run, job.Book, error) {
	due, err := time.Parse(time.RFC3339, m.ID)
	if err != nil {
		return nil, nil, organization.None()
	}
	scope, err := tenant.Work(m.Tenant, string(Kind))
	if err != nil {
		return nil, nil, organization.None()
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, nil, err
	}
	return &job.Run{Message: m, Scope: scope, Tenant: h}, &book{directory: s.Store.Directory(), key: store.Erasure(due, m.Tenant)}, nil
}

// book keeps the job's record in the entry, and takes the entry away with the job's end.
type book struct {
	directory *store.Directory
	key       store.DirectoryKey
	entry     entry
}

// Read reads the entry.
func (b *book) Read(ctx context.Context, r *job.Record) (int64, error) {
	b.entry = entry{}
	version, err := b.directory.Read(ctx, b.key, &b.entry)
	*r = b.entry.Record
	r.Status = cmp.Or(r.Status, job.Waiting)
	return version, err
}

// Write writes the entry, or takes it away.
func (b *book) Write(ctx context.Context, r job.Record, version int64) error {
	b.entry.Record = r
	c := store.DirectoryChange{Key: b.key, Value: b.entry, Condition: store.VersionIs(version)}
	if r.Status == job.Done {
		c = store.DirectoryChange{Action: store.Delete, Key: b.key, Condition: store.VersionIs(version)}
	}
	return b.directory.Write(ctx, c)
}

func (s *Service) quiet() time.Duration { return cmp.Or(s.Quiet, quiet) }

func (s *Service) check() time.Duration { return cmp.Or(s.Check, check) }

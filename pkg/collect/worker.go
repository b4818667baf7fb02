package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Handle does what one message asks, for as long as a turn, and sends itself another where more is left. It may be called any number
// of times, by any number of workers, with the same message: a run that is at its end is left as it is, without any call of
// AWS. A nil error or one of a kind that no repetition mends means the message is done with; *queue.Busy and fault.Unavailable
// ask for it again.
func (s *Service) Handle(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return fault.Wrap(err, fault.Malformed, "the message is none of a run")
	}
	r := &running{service: s, message: m, failed: map[tenant.ConnectionID]error{}}
	work := &job.Worker{Store: s.Store, Queue: again{s.Queue, m}, Clock: s.Clock, Random: s.Random, Log: s.Log, Alone: s.Alone,
		Works: []job.Work{{Kind: job.Kind(m.Kind), Open: r.open, Step: r.step}}}
	return work.Handle(ctx, job.Message{Kind: job.Kind(m.Kind), Tenant: m.Tenant, ID: string(m.ID())})
}

// again sends the message of a run that goes on in place of its job's.
type again struct {
	queue   Queue
	message Message
}

// Send sends it.
func (a again) Send(ctx context.Context, _ job.Message) error { return a.queue.Send(ctx, a.message) }

// running is one worker at one run.
type running struct {
	service *Service
	message Message
	scope   *tenant.Scope
	tenant  *store.Tenant
	project project.Project
	all     []connection.Connection
	book    *runBook
	failed  map[tenant.ConnectionID]error // in this turn
}

const (
	// early is how far before its slot a run may begin: clocks differ.
	early = time.Hour
	// tooEarly is how far before its slot a message is worth keeping.
	tooEarly = 24 * time.Hour
	// late is how old a slot may be of a run that nobody has heard of. Messages do not wait for so long, but dead letters may
	// be sent again when the run that they ask for was forgotten.
	late = 28 * 24 * time.Hour
	// lifetime is how long a run may take, waiting included.
	lifetime = 24 * time.Hour
)

// open finds the run of the message, or makes it. It is fault.NotFound where there is nothing to do.
func (r *running) open(ctx context.Context, jm job.Message) (*job.Run, job.Book, error) {
	s, m := r.service, r.message
	nothing := fault.New(fault.NotFound, "there is nothing to collect")
	why, err := r.rests(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.book = &runBook{tenant: r.tenant, clock: s.Clock, log: s.Log, key: runKey(m.Project, m.Kind, m.Slot)}
	var rec job.Record
	version, err := r.book.Read(ctx, &rec)
	if err != nil {
		return nil, nil, err
	}
	switch now := s.Clock(); {
	case version > 0 && r.book.run.done():
		return nil, nil, nothing
	case version > 0 && why != "":
		if err := r.stop(ctx, why); err != nil {
			return nil, nil, err
		}
		return nil, nil, nothing
	case version > 0:
	case why != "" || m.Run != "":
		return nil, nil, nothing
	case m.Slot.After(now.Add(tooEarly)):
		return nil, nil, fault.New(fault.Malformed, "the slot is more than a day ahead")
	case m.Slot.After(now.Add(early)):
		return nil, nil, &queue.Busy{Wait: m.Slot.Sub(now)}
	case m.Slot.Before(now.Add(-late)):
		s.Log.WarnContext(ctx, "slot is too old", "tenant", m.Tenant, "project", m.Project, "slot", m.Slot)
		return nil, nil, nothing
	default:
		if err := r.begin(ctx); err != nil {
			return nil, nil, err
		}
	}
	return &job.Run{Message: jm, Scope: r.scope, Tenant: r.tenant}, r.book, nil
}

// begin makes the run of a slot that nobody has heard of yet, in a tenant that is there.
func (r *running) begin(ctx context.Context) error {
	rec := newRecord(r.message, r.service.Clock())
	err := r.tenant.Write(ctx, rec.change(0), store.Change{Action: store.Check, Key: store.Meta(), Condition: store.Present})
	if store.Conflicted(err) != nil {
		return &queue.Busy{Wait: time.Second} // another worker has made it
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The run could not be made now.")
	}
	r.earlier(ctx)
	return nil
}

// rests opens the tenant and tells why nothing may be collected for the project now; "" where it may. It is fault.NotFound where the
// tenant is no more, or the project never was.
func (r *running) rests(ctx context.Context) (why string, err error) {
	m := r.message
	if r.scope, err = organization.See(ctx, r.service.Store, m.Tenant, "collect"); err != nil {
		return "", err
	}
	if r.tenant, err = r.service.Store.Tenant(r.scope); err != nil {
		return "", err
	}
	if status := r.scope.Standing().Status; status != tenant.Active {
		return fmt.Sprintf("The organization is %s: nothing is collected. When it is active again, its schedules go on at their next time; a run that was "+
			"started by hand is not made up for: start it again then.", status), nil
	}
	if r.project, err = project.Find(ctx, r.scope, r.tenant, string(m.Project)); err != nil {
		return "", err
	}
	if r.project.Archived {
		return "The project is archived: nothing is collected for it any more.", nil
	}
	return "", nil
}

// stop ends a run that nobody may go on with, whoever is at it.
func (r *running) stop(ctx context.Context, why string) error {
	rec := r.book.run
	rec.leave()
	rec.end(Cancelled, why, r.service.Clock())
	err := r.tenant.Write(ctx, rec.change(r.book.version))
	if store.Conflicted(err) != nil {
		return &queue.Busy{Wait: time.Second}
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The end of the run could not be written now.")
	}
	return nil
}

package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Start is what a run is started with.
type Start struct {
	Kind Kind `json:"kind" enum:"costs,resources,metrics"`
}

type startIn struct {
	route.IdempotencyKey
	ProjectID string `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
	Body      Start
}

// start makes a run and sends its message. The message is sent again by whoever asks while the run waits: the one who made it may
// have been killed in between.
func (s *Service) start(ctx context.Context, scope *tenant.Scope, in *startIn) (*runOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	p, err := project.Find(ctx, scope, h, in.ProjectID)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), startRun, p.ID, in.Body)
	if err != nil {
		return nil, err
	}
	for range attempts {
		id, err := once.Done(ctx, h)
		if err != nil {
			return nil, err
		}
		if id != "" {
			return s.started(ctx, scope, &getIn{ProjectID: in.ProjectID, RunID: id})
		}
		made, err := s.make(ctx, scope, h, p, in.Body.Kind, once)
		if store.Conflicted(err) != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		return s.started(ctx, scope, &getIn{ProjectID: in.ProjectID, RunID: string(made)})
	}
	return nil, fault.New(fault.Conflict, "Others are starting runs too. Try again.")
}

// make writes a run of the present second, where the project can have one and none of its kind is under way.
func (s *Service) make(ctx context.Context, scope *tenant.Scope, h *store.Tenant, p project.Project, k Kind, once route.Once) (tenant.RunID, error) {
	if p.Archived {
		return "", fault.New(fault.Conflict, "The project is archived. PATCH it with `archived: false` first.").Coded(fault.Archived)
	}
	if err := s.connected(ctx, h, p, k); err != nil {
		return "", err
	}
	slot, err := s.free(ctx, scope, h, p, k)
	if err != nil {
		return "", err
	}
	m := Message{Kind: k, Tenant: scope.Tenant(), Project: p.ID, Slot: slot}
	by := scope.Principal()
	run := newRecord(m, s.Clock())
	run.StartedBy = &audit.Actor{Issuer: by.Issuer, Subject: by.Subject, Email: by.Email}
	row, err := s.Audit.Row(ctx, scope, audit.Event{Target: target(&run.Run), After: told{Status: string(run.Status), Kind: k}})
	if err != nil {
		return "", err
	}
	err = h.Write(ctx, append(once.Changes(string(run.ID), s.Clock()), run.change(0), row)...)
	return run.ID, err
}

// connected refuses a project that no connection reaches which can be read.
func (s *Service) connected(ctx context.Context, h *store.Tenant, p project.Project, k Kind) error {
	all, err := connection.List(ctx, h)
	if err != nil {
		return err
	}
	some := reach(all, p, k)
	for _, c := range some {
		if c.Status != connection.Paused {
			return nil
		}
	}
	if len(some) > 0 {
		return fault.New(fault.Conflict, "Every connection that reaches the project's accounts is paused. Resume one, then start the run again.")
	}
	return fault.New(fault.Conflict, "%s Then start the run again.", noConnection(all, p, k))
}

// free gives the slot of a run that begins now: the present second, or the one after the newest run's. It refuses a run beside another of
// its kind, whose message it sends again.
func (s *Service) free(ctx context.Context, scope *tenant.Scope, h *store.Tenant, p project.Project, k Kind) (time.Time, error) {
	slot := s.Clock().UTC().Truncate(time.Second)
	runs, _, err := newest(ctx, h, p.ID, []Kind{k}, place{}, lookBack)
	if err != nil {
		return slot, err
	}
	for _, r := range runs {
		if r.done() {
			continue
		}
		over, err := s.revive(ctx, scope, h, r)
		if err != nil {
			return slot, err
		}
		if over {
			continue
		}
		return slot, fault.New(fault.Conflict, "The run %s is under way. Wait until it is finished, or cancel it.", r.ID)
	}
	if len(runs) > 0 && !runs[0].Slot.Before(slot) {
		next := runs[0].Slot.Add(time.Second)
		if ahead := next.Sub(slot); ahead > farthest {
			return slot, fault.New(fault.Limited, "Runs of %s have been started too quickly in this project. Try again at %s.", k,
				next.Add(-farthest).Format(time.RFC3339)).In(ahead - farthest)
		}
		slot = next
	}
	return slot, nil
}

// farthest is how far ahead the slot of a run may be that is started now.
const farthest = 5 * time.Second

// lookBack is among how many of the newest runs one is looked for that is under way.
const lookBack = 20

// started answers with a run, and sends its message where nobody has taken it up.
func (s *Service) started(ctx context.Context, scope *tenant.Scope, in *getIn) (*runOut, error) {
	f, err := s.find(ctx, scope, in)
	if err != nil {
		return nil, err
	}
	if f.run.Status == Queued {
		if err := s.send(ctx, scope, &f.run.Run); err != nil {
			return nil, err
		}
	}
	at := fmt.Sprintf("/v1/tenants/%s/projects/%s/runs/%s", scope.Tenant(), f.project.ID, f.run.ID)
	return &runOut{Location: at, Body: f.run.shown(scope, f.project)}, nil
}

func (s *Service) send(ctx context.Context, scope *tenant.Scope, r *Run) error {
	return s.Queue.Send(ctx, Message{Kind: r.Kind, Tenant: scope.Tenant(), Project: r.ProjectID, Slot: r.Slot, Run: r.ID})
}

func target(r *Run) string { return "run/" + string(r.ID) }

// cancel ends a run that is under way. Whoever is at it can write nothing of it any more.
func (s *Service) cancel(ctx context.Context, scope *tenant.Scope, in *getIn) (*runOut, error) {
	for range attempts {
		f, err := s.find(ctx, scope, in)
		if err != nil {
			return nil, err
		}
		switch {
		case f.run.Status == Cancelled:
			return &runOut{Body: f.run.shown(scope, f.project)}, nil
		case f.run.done():
			return nil, fault.New(fault.Conflict, "The run has %s already: there is nothing to cancel.", f.run.Status)
		}
		before := told{Status: string(f.run.Status)}
		f.run.leave()
		f.run.end(Cancelled, "It was cancelled by a member.", s.Clock())
		row, err := s.Audit.Row(ctx, scope, audit.Event{Target: target(&f.run.Run), Before: before, After: told{Status: string(f.run.Status)}})
		if err != nil {
			return nil, err
		}
		err = f.tenant.Write(ctx, f.run.change(f.version), row)
		if err == nil {
			return &runOut{Body: f.run.shown(scope, f.project)}, nil
		}
		if store.Conflicted(err) == nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Conflict, "The run goes on too quickly. Try again.")
}

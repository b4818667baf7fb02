package organization

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type lifeIn struct{ route.IfMatch }

type deleteIn struct {
	route.IfMatch
	Name string `query:"name" required:"true" maxLength:"400" doc:"The tenant's name, as it is: that no other one is deleted by mistake."`
}

func (s *Service) suspend(ctx context.Context, scope *tenant.Scope, in *lifeIn) (*tenantOut, error) {
	return s.turn(ctx, scope, in.IfMatch, to(tenant.Suspended))
}

func (s *Service) activate(ctx context.Context, scope *tenant.Scope, in *lifeIn) (*tenantOut, error) {
	return s.awake(ctx, scope)(s.turn(ctx, scope, in.IfMatch, to(tenant.Active)))
}

// awake has what was refused be done once the tenant is active. Where the request is repeated that is seen to again, if it is owed:
// a crash may have been between.
func (s *Service) awake(ctx context.Context, scope *tenant.Scope) func(*tenantOut, error) (*tenantOut, error) {
	return func(out *tenantOut, err error) (*tenantOut, error) {
		if err != nil || out.Body.Status != tenant.Active {
			return out, err
		}
		h, err := s.Store.Tenant(scope)
		if err != nil {
			return nil, err
		}
		return out, s.Wake(ctx, h, scope.Tenant())
	}
}

// turn is change of a status, and tells of it where there was one.
func (s *Service) turn(ctx context.Context, scope *tenant.Scope, match route.IfMatch, edit func(*record) error) (*tenantOut, error) {
	turned := false
	out, err := s.change(ctx, scope, match, func(t *record) error {
		err := edit(t)
		turned = err == nil
		return err
	})
	if err == nil && turned && s.Turned != nil {
		s.Turned(ctx, scope)
	}
	return out, err
}

// to gives an edit that makes a tenant active or suspended, whichever of them it was.
func to(status tenant.Status) func(*record) error {
	return func(t *record) error {
		switch t.Status {
		case status:
			return errSame
		case tenant.Deleting:
			return fault.New(fault.Conflict, "The organization is being deleted. Restore it first.").Coded(fault.NotActive)
		}
		t.Status = status
		return nil
	}
}

// Ending says that a tenant is to be erased from a time on, which is in its key, if it is being deleted then: the list of what is
// due.
type Ending struct {
	Tenant  tenant.ID `json:"tenant"`
	AskedAt time.Time `json:"askedAt"`
}

// delete begins the time of grace. The list of what is due has the tenant first, so that a crash between the two leaves an
// entry without effect and no tenant that is never erased.
func (s *Service) delete(ctx context.Context, scope *tenant.Scope, in *deleteIn) (*tenantOut, error) {
	now := s.now()
	due := now.Add(s.Grace + time.Second - 1).Truncate(time.Second)
	return s.turn(ctx, scope, in.IfMatch, func(t *record) error {
		if in.Name != t.Name {
			return fault.New(fault.Invalid, "The name does not confirm the deletion: give the organization's own, whole.").
				At("query.name", "is not the organization's name", in.Name)
		}
		if t.Status == tenant.Deleting {
			return errSame
		}
		if err := s.note(ctx, Ending{scope.Tenant(), now}, due); err != nil {
			return err
		}
		t.Before, t.Status, t.DeleteAfter, t.AskedBy = t.Status, tenant.Deleting, &due, new(audit.ActorOf(scope.Principal()))
		return nil
	})
}

// note puts a tenant into the list of what is due, over the version that is there: who is taking that away finds another.
func (s *Service) note(ctx context.Context, e Ending, due time.Time) error {
	d, key := s.Store.Directory(), store.Erasure(due, e.Tenant)
	version, err := d.Read(ctx, key, &Ending{})
	if err == nil {
		err = d.Write(ctx, store.DirectoryChange{Key: key, Value: e, Condition: store.VersionIs(version)})
	}
	if err != nil {
		return fmt.Errorf("note the end of a tenant: %w", err)
	}
	return nil
}

// restore makes a tenant what it was before it was to be deleted. Its entry in the list of what is due is taken away then, as it was
// before: one that stays, because of a crash between, has no effect.
func (s *Service) restore(ctx context.Context, scope *tenant.Scope, in *lifeIn) (*tenantOut, error) {
	var entry store.DirectoryChange
	d := s.Store.Directory()
	out, err := s.turn(ctx, scope, in.IfMatch, func(t *record) error {
		if t.Status != tenant.Deleting {
			return errSame
		}
		if t.DeleteAfter != nil {
			key := store.Erasure(*t.DeleteAfter, scope.Tenant())
			version, err := d.Read(ctx, key, &Ending{})
			if err != nil {
				return fmt.Errorf("read the end of a tenant: %w", err)
			}
			entry = store.DirectoryChange{Action: store.Delete, Key: key, Condition: store.VersionIs(version)}
		}
		t.Status, t.Before, t.DeleteAfter, t.AskedBy = t.Before, "", nil, nil
		return nil
	})
	if err == nil && entry.Action == store.Delete {
		if err = d.Write(ctx, entry); store.Conflicted(err) != nil {
			err = nil // the tenant is to be deleted again already, or the entry is gone
		}
	}
	return s.awake(ctx, scope)(out, err)
}

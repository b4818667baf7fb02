package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// New is what a caller says of a key.
type New struct {
	Name     string   `json:"name" minLength:"1" doc:"What it is for, for you to tell: at most 100 characters."`
	Role     string   `json:"role" enum:"admin,editor,viewer" doc:"A key is never an owner."`
	Projects []string `json:"projects,omitempty" minItems:"1" maxItems:"200" doc:"Limits the key to these; left out, all that there are and will be."`
	Days     int      `json:"days,omitempty" minimum:"1" maximum:"3650" doc:"How long it is good; left out, until it is revoked."`
}

// Issued is a key with its secret.
type Issued struct {
	Key
	Secret string `json:"key,omitempty" doc:"tnt_ and 40 characters: shown this once."`
}

type createIn struct {
	route.IdempotencyKey
	Body New
}

type issuedOut struct {
	Location string `header:"Location"`
	Body     Issued
}

func (s *Service) create(ctx context.Context, scope *tenant.Scope, in *createIn) (*issuedOut, error) {
	i, err := s.item(ctx, scope, in.Body)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), createKey, in.Body)
	if err != nil {
		return nil, err
	}
	once = once.Within(scope)
	secret, err := identity.NewSecret(s.Random)
	if err != nil {
		return nil, err
	}
	sum := secret.Sum()
	i.Digest = sum[:]
	out := issued(Issued{s.shown(i, scope), secret.Text()}, scope)
	err = s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		if id, err := once.DoneOutside(ctx, d); id != "" || err != nil {
			out, err = s.again(ctx, d, scope, id, err)
			return e, nil, err
		}
		if err := s.room(ctx, d, scope); err != nil {
			return e, nil, err
		}
		return audit.Event{Target: target(i.ID), After: s.whole(i)}, append(i.changes(), once.ChangesOutside(string(i.ID), i.CreatedAt)...), nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// item gives the key that a caller describes, checked, without its digest.
func (s *Service) item(ctx context.Context, scope *tenant.Scope, n New) (i item, err error) {
	i = item{Name: n.Name, CreatedAt: s.Clock().UTC().Truncate(time.Millisecond)}
	i.Tenant, i.Role, i.Limited = scope.Tenant(), tenant.Role(n.Role), n.Projects != nil
	p := scope.Principal()
	i.CreatedBy = audit.Actor{Issuer: p.Issuer, Subject: p.Subject, Email: p.Email}
	if n.Days > 0 {
		until := i.CreatedAt.Add(time.Duration(n.Days) * 24 * time.Hour).Truncate(time.Second)
		i.ValidUntil = &until
	}
	if i.Name, err = route.Line("body.name", n.Name, maxName); err != nil {
		return i, err
	}
	if i.Projects, err = grant.Named(ctx, s.Store, scope, n.Projects); err != nil {
		return i, err
	}
	if err := (grant.Grant{Role: i.Role, Limited: i.Limited, Projects: i.Projects}).AskWithin(scope); err != nil {
		return i, err
	}
	i.ID, err = tenant.NewKeyID(i.CreatedAt, s.Random)
	return i, err
}

// again answers a request that has been answered before, without the secret.
func (s *Service) again(ctx context.Context, d *store.Directory, scope *tenant.Scope, id string, err error) (*issuedOut, error) {
	if err != nil {
		return nil, err
	}
	i, _, err := find(ctx, d, scope, id)
	if err != nil {
		return nil, err
	}
	return issued(Issued{Key: s.shown(i, scope)}, scope), nil
}

func issued(i Issued, scope *tenant.Scope) *issuedOut {
	return &issuedOut{fmt.Sprintf("/v1/tenants/%s/api-keys/%s", scope.Tenant(), i.ID), i}
}

// room refuses one more active key than the plan allows.
func (s *Service) room(ctx context.Context, d *store.Directory, scope *tenant.Scope) error {
	active, err := s.active(ctx, d, scope)
	if err != nil {
		return err
	}
	plan := scope.Standing().Plan
	if most := plan.Limits().APIKeys; active >= most {
		return fault.New(fault.Forbidden, "The plan %s has a limit of apiKeys of %d, and as many are active. Revoke one that is not "+
			"needed, or wait until one expires.", plan, most).Of("apiKeys")
	}
	return nil
}

// active counts the keys that have not expired.
func (s *Service) active(ctx context.Context, d *store.Directory, scope *tenant.Scope) (int64, error) {
	now := s.Clock()
	n, err := fence.Count(ctx, d, store.OrgAPIKeys(scope.Tenant()), func(r *store.Record) (bool, error) {
		var k identity.APIKey
		err := r.Value.Decode(&k)
		return !k.Expired(now), err
	})
	if err != nil {
		return 0, fmt.Errorf("count the API keys: %w", err)
	}
	return n, nil
}

// Used gives how many active keys the scope's tenant has, by the name of the plan's limit.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	n, err := s.active(ctx, s.Store.Directory(), scope)
	return map[string]int64{"apiKeys": n}, err
}

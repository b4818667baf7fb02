package identity

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Member is a membership as the directory has it, twice: below the principal and below the tenant.
type Member struct {
	Tenant    tenant.ID          `json:"tenant"`
	Issuer    string             `json:"issuer"`
	Subject   string             `json:"subject"`
	Email     string             `json:"email,omitempty"`
	Name      string             `json:"name,omitempty"` // as members call each other: tokens often say nothing of it
	Role      tenant.Role        `json:"role"`
	Limited   bool               `json:"limited,omitempty"`  // to Projects
	Projects  []tenant.ProjectID `json:"projects,omitempty"` // where Limited
	CreatedAt time.Time          `json:"createdAt"`
}

// Read gives a principal's membership of a tenant, NoTenant where there is none.
func Read(ctx context.Context, d *store.Directory, p tenant.Principal, id tenant.ID) (tenant.Membership, error) {
	var m Member
	version, err := d.Read(ctx, store.SubjectTenant(p.Issuer, p.Subject, id), &m)
	if err != nil {
		return tenant.Membership{}, fmt.Errorf("read a membership: %w", err)
	}
	if version == 0 {
		return tenant.Membership{}, NoTenant()
	}
	return m.Membership(), nil
}

// Memberships gives a page of a principal's memberships, oldest tenant first. An API key has one.
func Memberships(ctx context.Context, d *store.Directory, p tenant.Principal, l store.List) (all []tenant.Membership, next string, err error) {
	if p.Credential() == tenant.APIKey {
		var k APIKey
		version, err := d.Read(ctx, store.OrgAPIKey(p.Tenant, tenant.KeyID(p.Subject)), &k)
		if err != nil || version == 0 {
			return nil, "", err
		}
		return []tenant.Membership{k.Membership()}, "", nil
	}
	page, err := d.Query(ctx, store.SubjectTenants(p.Issuer, p.Subject), l)
	if err != nil {
		return nil, "", fmt.Errorf("list memberships: %w", err)
	}
	for _, r := range page.Records {
		var m Member
		if err := r.Value.Decode(&m); err != nil {
			return nil, "", fmt.Errorf("list memberships: %w", err)
		}
		all = append(all, m.Membership())
	}
	return all, page.Next, nil
}

const atOnce = 8 // tenants read at the same time: each is read with credentials of its own

// OfEach gives what is read of each tenant of a page of Memberships, in their order and several at a time. A tenant of which that is
// fault.NotFound is left out.
func OfEach[T any](ctx context.Context, d *store.Directory, p tenant.Principal, l store.List, read func(context.Context, tenant.Membership) (T, error)) (all []T, next string, err error) {
	members, next, err := Memberships(ctx, d, p, l)
	if err != nil {
		return nil, "", err
	}
	found := make([]*T, len(members))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, m := range members {
		g.Go(func() error {
			t, err := read(ctx, m)
			if err == nil {
				found[i] = &t
			}
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, "", err
	}
	all = []T{}
	for _, t := range found {
		if t != nil {
			all = append(all, *t)
		}
	}
	return all, next, nil
}

// Changes gives what writes a new membership, both directions, for one transaction.
func (m Member) Changes() []store.DirectoryChange {
	return []store.DirectoryChange{
		{Key: store.SubjectTenant(m.Issuer, m.Subject, m.Tenant), Value: m, Condition: store.Absent},
		{Key: store.OrgMember(m.Tenant, m.ID()), Value: m, Condition: store.Absent},
	}
}

// ID is the membership's.
func (m Member) ID() tenant.MemberID { return tenant.MemberIDOf(m.Tenant, m.Issuer, m.Subject) }

// Found gives the scope of a principal in a tenant that is about to be, under an ID that was just made.
func Found(p tenant.Principal, id tenant.ID, plan tenant.Plan) (*tenant.Scope, error) {
	return tenant.Authorize(p, tenant.Membership{Tenant: id, Role: tenant.Owner}, tenant.Standing{Status: tenant.Active, Plan: plan}, tenant.WriteTenant)
}

// See gives the scope in which a member may read about the tenant, whose standing is not known yet.
func See(p tenant.Principal, m tenant.Membership) (*tenant.Scope, error) {
	return tenant.Authorize(p, m, tenant.Standing{}, tenant.ReadTenant)
}

// ReadStanding reads how the tenant of a membership stands, NoTenant where the tenant is not there, or is being erased.
func ReadStanding(ctx context.Context, s *store.Store, p tenant.Principal, m tenant.Membership) (at tenant.Standing, err error) {
	scope, err := See(p, m)
	if err != nil {
		return at, err
	}
	h, err := s.Tenant(scope)
	if err != nil {
		return at, err
	}
	var meta struct {
		Status  tenant.Status `json:"status"`
		Plan    tenant.Plan   `json:"plan"`
		Erasing bool          `json:"erasing"`
	}
	version, err := h.Read(ctx, store.Meta(), &meta)
	if err != nil {
		return at, fmt.Errorf("read a tenant: %w", err)
	}
	if version == 0 || meta.Erasing {
		return at, NoTenant()
	}
	return tenant.Standing{Status: meta.Status, Plan: meta.Plan}, nil
}

// Membership is what authorization asks of a member.
func (m Member) Membership() tenant.Membership {
	t := tenant.Membership{Tenant: m.Tenant, Role: m.Role}
	if m.Limited {
		t.Projects = append([]tenant.ProjectID{}, m.Projects...)
	}
	return t
}

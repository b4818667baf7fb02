// Package apikey keeps the API keys of a tenant: what programs call with, each with a role and, where it is limited, the
// projects it sees. A key belongs to the tenant and not to who made it. Its secret is shown once, and only its SHA-256 kept.
package apikey

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Key is an API key as it is shown.
type Key struct {
	ID   tenant.KeyID `json:"id" doc:"key_ and 26 characters."`
	Name string       `json:"name"`
	grant.Grant
	Status     Status      `json:"status" enum:"active,expired"`
	CreatedBy  audit.Actor `json:"createdBy" doc:"Who made it: the key stays when they go."`
	Orphan     bool        `json:"creatorRemoved,omitempty" doc:"True where who made it is no member of the organization any more. It is still good: revoke it where it is not needed."`
	CreatedAt  time.Time   `json:"createdAt"`
	ValidUntil *time.Time  `json:"validUntil,omitempty" doc:"Absent where it is good until it is revoked."`
	LastUsedAt *time.Time  `json:"lastUsedAt,omitempty" doc:"To the hour; absent where it was not used in the last 400 days."`
}

// Status says whether a key can be used.
type Status string

// The statuses. One that was revoked is no more.
const (
	Active  Status = "active"
	Expired Status = "expired" // shown for 30 days
)

// kept is how long an expired key is still shown.
const kept = 30 * 24 * time.Hour

// item is the stored form of a key, below its tenant. Below its digest is the identity.APIKey alone.
type item struct {
	identity.APIKey
	Name      string      `json:"name"`
	CreatedBy audit.Actor `json:"createdBy"`
	CreatedAt time.Time   `json:"createdAt"`
	Digest    []byte      `json:"digest"` // the Sum of the secret
}

// Service has the operations on API keys. All fields are needed.
type Service struct {
	Store  *store.Store
	Clock  func() time.Time
	Random io.Reader // of IDs and secrets
	Audit  audit.Log
	Forget func(tenant.Principal, tenant.ID) // makes this process read the key anew
}

const (
	createKey, listKeys = "createApiKey", "listApiKeys"

	maxName = 100
)

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, tag, read, write = "/v1/tenants/{tenantId}/api-keys", "API keys", tenant.ReadKey, tenant.WriteKey
	const one, id = all + "/{keyId}", "key_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	const grants = "You can give, change and take only what you hold yourself: no role above yours, and where you are limited to " +
		"projects, none but those. Only people can do this, and no key whatever its role."
	name, role := "nightly report", string(tenant.Viewer)
	return []route.Operation{
		route.ForTenant(route.Spec{ID: createKey, Method: "POST", Path: all, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag, Status: 201,
			Summary: "Create an API key", Doc: "The key is in this answer and never shown again. It is sent as a token is: Authorization: Bearer " +
				"tnt_... The same request again under its Idempotency-Key answers without the key: revoke it and make another. It " +
				"belongs to the organization and stays when you go. " + grants,
			Example: createIn{Body: New{Name: name, Role: role, Days: 90}}}, s.create),
		route.ForTenant(route.Spec{ID: listKeys, Method: "GET", Path: all, Permission: read, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "List API keys", Doc: "Oldest first, those that are active and those that expired within 30 days. One that was revoked is not " +
				"listed any more; the audit log tells of it. Where creatorRemoved is true, whoever made it is no member any more: look whether it is still needed.", Example: listIn{}}, s.listed),
		route.ForTenant(route.Spec{ID: "getApiKey", Method: "GET", Path: one, Permission: read, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Get an API key", Example: getIn{KeyID: id}}, s.get),
		route.ForTenant(route.Spec{ID: "updateApiKey", Method: "PATCH", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Change an API key", Doc: "What is left out stays as it is. It takes effect everywhere within 60 seconds. How long a key is valid and its secret cannot " +
				"be changed: to extend or rotate it, create another, have it used, then revoke this one. " + grants,
			Example: updateIn{KeyID: id, Body: Patch{Name: &name, Role: &role}}}, s.update),
		route.ForTenant(route.Spec{ID: "revokeApiKey", Method: "DELETE", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Revoke an API key", Doc: "It takes effect everywhere within 60 seconds, and the key is not listed any more. " + grants, Example: getIn{KeyID: id}}, s.revoke),
	}
}

type keyOut struct {
	ETag string `header:"ETag"`
	Body Key
}

// none is the answer of what has nothing to say.
type none struct{}

type getIn struct {
	KeyID string `path:"keyId" doc:"key_ and 26 characters."`
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*keyOut, error) {
	i, version, err := find(ctx, s.Store.Directory(), scope, in.KeyID)
	if err != nil {
		return nil, err
	}
	keys, err := s.used(ctx, scope, s.shown(i, scope))
	if err != nil {
		return nil, err
	}
	if err := s.orphans(ctx, scope, keys); err != nil {
		return nil, err
	}
	return &keyOut{route.ETag(version), keys[0]}, nil
}

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Key] }

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	directory, of := s.Store.Directory(), scope.Tenant()
	page, err := route.PageOf(in.Paging, route.NewCursors(listKeys, string(of)), func(l store.List) (store.Page, error) {
		return directory.Query(ctx, store.OrgAPIKeys(of), l)
	}, func(i item) (Key, bool) { return s.shown(i, scope), true })
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	page.Items, err = s.used(ctx, scope, page.Items...)
	return &listOut{page}, err
}

// listed is the list with what became of those who made the keys.
func (s *Service) listed(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	out, err := s.list(ctx, scope, in)
	if err != nil {
		return nil, err
	}
	return out, s.orphans(ctx, scope, out.Body.Items)
}

// orphans marks the keys whose makers are no members any more.
func (s *Service) orphans(ctx context.Context, scope *tenant.Scope, keys []Key) error {
	gone := map[tenant.MemberID]bool{}
	for i := range keys {
		by := keys[i].CreatedBy
		id := tenant.MemberIDOf(scope.Tenant(), by.Issuer, by.Subject)
		if _, known := gone[id]; !known {
			var m identity.Member
			version, err := s.Store.Directory().Read(ctx, store.OrgMember(scope.Tenant(), id), &m)
			if err != nil {
				return fmt.Errorf("read who made an API key: %w", err)
			}
			gone[id] = version == 0
		}
		keys[i].Orphan = gone[id]
	}
	return nil
}

// find reads the key that a path names, with the version that both its items have.
func find(ctx context.Context, d *store.Directory, scope *tenant.Scope, id string) (i item, version int64, err error) {
	return fence.Find[item](ctx, d, scope, id, tenant.ParseKeyID, store.OrgAPIKey, "There is no such API key in this organization: it was revoked, or never was.")
}

// whole is the key as an owner is shown it, without its last use.
func (s *Service) whole(i item) Key {
	k := Key{ID: i.ID, Name: i.Name, Grant: grant.Grant{Role: i.Role, Limited: i.Limited, Projects: i.Projects}, Status: Active,
		CreatedBy: i.CreatedBy, CreatedAt: i.CreatedAt, ValidUntil: i.ValidUntil}
	if i.Expired(s.Clock()) {
		k.Status = Expired
	}
	return k
}

// shown is the key as the scope's principal is shown it, without its last use.
func (s *Service) shown(i item, scope *tenant.Scope) Key {
	k := s.whole(i)
	k.Grant = k.SeenBy(scope)
	return k
}

// changes gives what writes a key, both directions.
func (i item) changes() []store.DirectoryChange {
	below := store.DirectoryChange{Key: store.OrgAPIKey(i.Tenant, i.ID), Value: i, Condition: store.Absent}
	opens := store.DirectoryChange{Key: store.APIKey([sha256.Size]byte(i.Digest)), Value: i.APIKey, Condition: store.Absent}
	if i.ValidUntil != nil {
		below.ExpiresAt, opens.ExpiresAt = i.ValidUntil.Add(kept), *i.ValidUntil
	}
	return []store.DirectoryChange{below, opens}
}

// fence is what every change of the tenant's API keys moves.
func (s *Service) fence() fence.Fence {
	return fence.Fence{Store: s.Store, Clock: s.Clock, Audit: s.Audit, Forget: s.Forget}
}

func target(id tenant.KeyID) string { return "key/" + string(id) }

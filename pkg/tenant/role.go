package tenant

import (
	"fmt"
	"slices"
	"strings"
)

// Role is what a member may do in a tenant; each role may do all that the ones below may.
type Role string

// The roles, highest first.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Editor Role = "editor"
	Viewer Role = "viewer"
)

// Permission is what an operation asks for.
type Permission string

// The permissions. SignedIn needs an identity and no tenant, Person one that is no API key; Public needs neither.
const (
	Public   Permission = "public"
	SignedIn Permission = "signed-in"
	Person   Permission = "person"

	ReadTenant      Permission = "tenant:read"
	WriteTenant     Permission = "tenant:write"
	ReadProject     Permission = "project:read"
	WriteProject    Permission = "project:write"
	ReadDelivery    Permission = "delivery:read"
	WriteDelivery   Permission = "delivery:write"
	ReadCost        Permission = "cost:read"
	ReadResource    Permission = "resource:read"
	ReadRun         Permission = "run:read"
	WriteRun        Permission = "run:write"
	ReadMember      Permission = "member:read"
	WriteMember     Permission = "member:write"
	LeaveTenant     Permission = "tenant:leave"
	ReadKey         Permission = "key:read"
	WriteKey        Permission = "key:write"
	ReadAudit       Permission = "audit:read"
	ReadUsage       Permission = "usage:read"
	ExportTenant    Permission = "tenant:export"
	ReadConnection  Permission = "connection:read"
	WriteConnection Permission = "connection:write"
	SetUpConnection Permission = "connection:setup" // see what an account needs, secrets included
	OwnTenant       Permission = "tenant:own"       // suspend, activate, delete, restore
)

// Changes tells whether what the permission is for changes a tenant's data, so that it rests while the tenant is not active.
// To leave, to export and what owners alone may do are no such changes.
func (p Permission) Changes() bool { return strings.HasSuffix(string(p), ":write") }

// Personal tells whether only people may do what the permission is for, whatever role an API key has: who belongs to a tenant,
// which keys it has and whether it goes on. So nobody who got hold of a key gets more by it, or keeps it longer than the key.
func (p Permission) Personal() bool {
	return slices.Contains([]Permission{Person, WriteMember, LeaveTenant, WriteKey, OwnTenant}, p)
}

// OfWhole tells whether all that the permission is for is of the organization as a whole, so that members and API keys who are limited to
// projects have nothing of it, whatever their role.
func (p Permission) OfWhole() bool {
	return slices.Contains([]Permission{WriteTenant, ReadAudit, ReadUsage, ExportTenant, OwnTenant}, p)
}

// grants lists what each role adds to the roles below it.
var grants = []struct {
	role Role
	adds []Permission
}{
	{Viewer, []Permission{ReadTenant, LeaveTenant, ReadProject, ReadDelivery, ReadCost, ReadResource, ReadRun, ReadMember, ReadUsage, ReadConnection}},
	{Editor, []Permission{WriteProject, WriteDelivery, WriteRun}},
	{Admin, []Permission{WriteTenant, WriteMember, ReadKey, WriteKey, ReadAudit, ExportTenant, SetUpConnection, WriteConnection}},
	{Owner, []Permission{OwnTenant}},
}

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	for _, g := range grants {
		if string(g.role) == s {
			return g.role, nil
		}
	}
	return "", fmt.Errorf("roles are owner, admin, editor and viewer")
}

// May tells whether the role has the permission. A role that does not exist has none.
func (r Role) May(p Permission) bool {
	for _, g := range grants {
		if slices.Contains(g.adds, p) {
			return r.AtLeast(g.role)
		}
	}
	return false
}

// Permissions lists what the role may do.
func (r Role) Permissions() []Permission {
	var all []Permission
	for _, g := range grants {
		if r.AtLeast(g.role) {
			all = append(all, g.adds...)
		}
	}
	return all
}

// AtLeast tells whether the role may do all that the other may. A role that does not exist is at least none.
func (r Role) AtLeast(other Role) bool { return r.rank() >= 0 && r.rank() >= other.rank() }

func (r Role) rank() int {
	return slices.IndexFunc(grants, func(g struct {
		role Role
		adds []Permission
	}) bool {
		return g.role == r
	})
}

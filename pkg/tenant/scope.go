package tenant

import (
	"errors"
	"slices"
)

// Principal is who calls: a person by issuer and subject of a verified token, or a worker of the platform.
type Principal struct {
	Issuer  string // "" for a worker
	Subject string
	Email   string // as the token gives it, for display only; often absent
}

// Membership is a principal's place in a tenant, as the directory has it.
type Membership struct {
	Tenant   ID
	Role     Role
	Projects []ProjectID // nil: all
}

// Scope is the proof that a principal may act in a tenant. It has no exported fields and cannot be made by a literal
// of another package that means anything: the zero Scope opens nothing.
//
// Only the authorization step (pkg/route) and the workers' step (after reading that the tenant is active) may call
// Authorize and Work; a test over the source holds this.
type Scope struct {
	tenant    ID
	principal Principal
	role      Role
	projects  []ProjectID
	limited   bool
}

// ErrDenied says that the membership does not carry the permission.
var ErrDenied = errors.New("permission denied")

// Authorize makes the Scope of a member whose role has the permission; else ErrDenied.
func Authorize(p Principal, m Membership, need Permission) (*Scope, error) {
	if _, err := ParseID(string(m.Tenant)); err != nil || !m.Role.May(need) {
		return nil, ErrDenied
	}
	return &Scope{tenant: m.Tenant, principal: p, role: m.Role, projects: slices.Clone(m.Projects), limited: m.Projects != nil}, nil
}

// Work makes the Scope of a worker in a tenant that was read to be active.
func Work(id ID, worker string) (*Scope, error) {
	if _, err := ParseID(string(id)); err != nil {
		return nil, err
	}
	return &Scope{tenant: id, principal: Principal{Subject: worker}, role: Editor}, nil
}

// Tenant is the tenant the scope is for; "" for the zero Scope.
func (s *Scope) Tenant() ID {
	if s == nil {
		return ""
	}
	return s.tenant
}

// Principal is who acts.
func (s *Scope) Principal() Principal { return s.principal }

// Role is the member's role.
func (s *Scope) Role() Role { return s.role }

// Sees tells whether the project is among those the member is limited to, if any.
func (s *Scope) Sees(p ProjectID) bool {
	return s != nil && s.tenant != "" && (!s.limited || slices.Contains(s.projects, p))
}

// Limited tells whether the member is limited to named projects: such a member does not see what spans projects.
func (s *Scope) Limited() bool { return s.limited }

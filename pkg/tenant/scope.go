package tenant

import (
	"errors"
	"slices"
)

// Principal is who calls: a person by issuer and subject of a verified token, an API key, or a worker of the platform.
type Principal struct {
	Issuer  string // "" for a worker, KeyIssuer for an API key
	Subject string // of an API key its KeyID
	Email   string // as the token gives it, for display only; often absent
	Tenant  ID     // of an API key the one it belongs to; "" of all else
}

// KeyIssuer is the Issuer of API keys. No OpenID Connect issuer has this name: theirs are URLs.
const KeyIssuer = "api-key"

// Credential is the kind of what a principal was known by.
type Credential string

// The kinds of credentials.
const (
	Token    Credential = "token"
	APIKey   Credential = "api-key"
	Platform Credential = "platform" // a worker
)

// Credential of the principal.
func (p Principal) Credential() Credential {
	switch p.Issuer {
	case "":
		return Platform
	case KeyIssuer:
		return APIKey
	}
	return Token
}

// Membership is a principal's place in a tenant, as the directory has it.
type Membership struct {
	Tenant   ID
	Role     Role
	Projects []ProjectID // nil: all
}

// Status says what may be done in a tenant.
type Status string

// The statuses. A tenant that was deleted has none: it is as if it had never been.
const (
	Active    Status = "active"
	Suspended Status = "suspended" // may be read; nothing is changed or collected
	Deleting  Status = "deleting"  // as Suspended, and for owners alone, until its time of grace is over and it is erased
)

// Lets tells whether the status leaves a role its permission. Whoever wants to leave is never kept.
func (s Status) Lets(r Role, need Permission) bool {
	switch {
	case need == LeaveTenant:
		return true
	case s == Deleting && r != Owner:
		return false
	}
	return s == Active || !need.Changes()
}

// Standing is what authorization knows of a tenant itself.
type Standing struct {
	Status Status
	Plan   Plan
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
	standing  Standing
}

// What Authorize refuses with. ErrDenied says that the membership does not carry the permission; a failure that has it
// as its cause was a refused access, whatever it looks like to the caller.
var (
	ErrDenied   = errors.New("permission denied")
	ErrPersonal = errors.New("an API key is no person")
	ErrRests    = errors.New("the tenant is not active")
)

// Authorize makes the Scope of a member whose role has the permission, in a tenant whose standing allows it; else
// ErrDenied, ErrPersonal or ErrRests.
func Authorize(p Principal, m Membership, at Standing, need Permission) (*Scope, error) {
	if _, err := ParseID(string(m.Tenant)); err != nil || !m.Role.May(need) {
		return nil, ErrDenied
	}
	if p.Credential() == APIKey && need.Personal() {
		return nil, ErrPersonal
	}
	if !at.Status.Lets(m.Role, need) {
		return nil, ErrRests
	}
	return &Scope{tenant: m.Tenant, principal: p, role: m.Role, projects: slices.Clone(m.Projects), limited: m.Projects != nil, standing: at}, nil
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

// Standing is the tenant's, as it was when the scope was made. It is zero for a worker that has not read it.
func (s *Scope) Standing() Standing { return s.standing }

// In gives the scope with the tenant's standing, which was read after it was made.
func (s *Scope) In(at Standing) *Scope {
	c := *s
	c.standing = at
	return &c
}

// Role is the member's role.
func (s *Scope) Role() Role { return s.role }

// Sees tells whether the project is among those the member is limited to, if any.
func (s *Scope) Sees(p ProjectID) bool {
	return s != nil && s.tenant != "" && (!s.limited || slices.Contains(s.projects, p))
}

// Limit is what a member sees of a tenant's projects, to be kept with what they asked for.
type Limit struct {
	Limited  bool        `json:"limited,omitempty"`
	Projects []ProjectID `json:"projects,omitempty"`
}

// Sees tells whether the project is within the limit.
func (l Limit) Sees(p ProjectID) bool { return !l.Limited || slices.Contains(l.Projects, p) }

// Limit of the member.
func (s *Scope) Limit() Limit { return Limit{s.limited, slices.Clone(s.projects)} }

// Holds tells whether the scope is all that the membership gives, and no more.
func (s *Scope) Holds(m Membership) bool {
	return s.tenant == m.Tenant && s.role == m.Role && s.limited == (m.Projects != nil) && slices.Equal(s.projects, m.Projects)
}

// Limited tells whether the member is limited to named projects: such a member does not see what spans projects.
func (s *Scope) Limited() bool { return s.limited }

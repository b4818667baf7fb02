package erasure

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Proof says that nothing of a tenant is left, or that this is under way. JSON is both its wire form and its stored form. Nothing
// else is kept of the tenant once it is erased; the proof itself goes after a year.
type Proof struct {
	TenantID   tenant.ID    `json:"tenantId"`
	Status     Status       `json:"status" enum:"erasing,erased" doc:"erasing from the end of the time of grace on, erased once nothing was found anywhere."`
	TenantName string       `json:"tenantName,omitempty" doc:"While it is being erased."`
	DeletedBy  *audit.Actor `json:"deletedBy,omitempty" doc:"Who asked for its end; while it is being erased."`
	EndedAt    time.Time    `json:"endedAt" doc:"Since then it has answered as if it had never been."`
	ErasedAt   *time.Time   `json:"erasedAt,omitempty" doc:"When all places had been looked at and nothing was found in any."`
	CheckedAt  *time.Time   `json:"checkedAt,omitempty" doc:"When that was found again, a day later."`
	Removed    Counts       `json:"removed" doc:"What was taken away, at least: what was counted when a worker was lost is not in it."`
	Left       Counts       `json:"left" doc:"What was found when all places were looked at, after they had been cleared."`
	Statement  string       `json:"statement"`

	RecoverableUntil *time.Time `json:"recoverableUntil,omitempty" doc:"Until then the platform's operator could bring items back from the database's continuous backup; see statement. Absent where the database has none."`
}

// Status says how far an erasure is.
type Status string

// The statuses. A proof that was stored without one is of an erasure that has ended.
const (
	Erasing Status = "erasing"
	Erased  Status = "erased"
)

// Counts are items by table, files with each version, and schedules of collection.
type Counts struct {
	Schedules int64 `json:"schedules"`
	Directory int64 `json:"directory"`
	Core      int64 `json:"core"`
	Cost      int64 `json:"cost"`
	Audit     int64 `json:"audit"`
	Files     int64 `json:"files"`
}

const (
	keeping = 365 * 24 * time.Hour // of a proof

	underWay = "The organization has ended and everything of it is being erased. This becomes the proof when nothing of it is found any more."
	all      = "Every item and file of the organization is erased, files with all versions. "
	backedUp = all + "The database's point-in-time recovery still holds what the items were, for %d days; " +
		"it can be restored only whole and into new tables, which is done for disasters alone, and erasures are then done again."
	noBackup = all + "The database keeps no backup of its own from which they could be brought back. Space that they took in its file, and copies that " +
		"the machine's keeper makes of it, are the keeper's to clear."
)

// proof is what a pass that has looked shows.
func (s *Service) proof(n *notes, id tenant.ID) Proof {
	p := Proof{TenantID: id, Status: Erased, EndedAt: n.Begun, ErasedAt: &n.Erased, Removed: n.Removed, Left: n.Found, Statement: noBackup}
	if s.Recovery > 0 {
		p.RecoverableUntil, p.Statement = new(n.Erased.Add(s.Recovery)), fmt.Sprintf(backedUp, s.Recovery/(24*time.Hour))
	}
	return p
}

// testify gives the proof, or what comes before it, to those who owned the tenant.
func (s *Service) testify(ctx context.Context, to []person, p Proof) error {
	if len(to) == 0 {
		return nil
	}
	until := p.EndedAt.Add(keeping)
	if p.ErasedAt != nil {
		until = p.ErasedAt.Add(keeping)
	}
	changes := make([]store.DirectoryChange, len(to))
	for i, w := range to {
		changes[i] = store.DirectoryChange{Key: store.SubjectErasure(w.Issuer, w.Subject, p.TenantID), Value: p, ExpiresAt: until}
	}
	if err := s.Store.Directory().Write(ctx, changes...); err != nil {
		return fmt.Errorf("write the proof of an erasure: %w", err)
	}
	return nil
}

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	return []route.Operation{route.ForPrincipal(route.Spec{
		ID: listErasures, Method: http.MethodGet, Path: "/v1/me/erasures", Permission: tenant.Person, Function: route.Admin, Tag: "Tenants",
		Summary: "List the proofs of erasure of your tenants", Doc: "Of each tenant that you were an owner of when its time of grace was over, for a " +
			"year. Until everything of it is erased the entry says so, with the tenant's name and who deleted it.", Example: listIn{},
	}, s.list)}
}

const listErasures = "listErasures"

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Proof] }

func (s *Service) list(ctx context.Context, p tenant.Principal, in *listIn) (*listOut, error) {
	page, err := route.PageOf(in.Paging, route.NewCursors(listErasures, p.Issuer, p.Subject), func(l store.List) (store.Page, error) {
		return s.Store.Directory().Query(ctx, store.SubjectErasures(p.Issuer, p.Subject), l)
	}, func(proof Proof) (Proof, bool) {
		proof.Status = cmp.Or(proof.Status, Erased)
		return proof, true
	})
	if err != nil {
		return nil, fmt.Errorf("list proofs of erasure: %w", err)
	}
	return &listOut{page}, nil
}

package erasure

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Proof says that nothing of a tenant is left. JSON is both its wire form and its stored form. Nothing else is kept of the
// tenant; the proof itself goes after a year.
type Proof struct {
	TenantID         tenant.ID  `json:"tenantId"`
	EndedAt          time.Time  `json:"endedAt" doc:"Since then it has answered as if it had never been."`
	ErasedAt         time.Time  `json:"erasedAt" doc:"When all places had been looked at and nothing was found in any."`
	CheckedAt        *time.Time `json:"checkedAt,omitempty" doc:"When that was found again, a day later."`
	Removed          Counts     `json:"removed" doc:"What was taken away, at least: what was counted when a worker was lost is not in it."`
	Left             Counts     `json:"left" doc:"What was found when all places were looked at, after they had been cleared."`
	RecoverableUntil time.Time  `json:"recoverableUntil" doc:"Until then the platform's operator could bring items back from the database's continuous backup; see statement."`
	Statement        string     `json:"statement"`
}

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
	recovery = 35 * 24 * time.Hour  // what DynamoDB's point-in-time recovery reaches back
	keeping  = 365 * 24 * time.Hour // of a proof

	statement = "Every item and file of the organization is erased. The database's point-in-time recovery still holds what the items were, for 35 days; " +
		"it can be restored only whole and into new tables, which is done for disasters alone, and erasures are then done again. Files are erased with all versions."
)

// proof is what a pass that has looked shows.
func (n *notes) proof(id tenant.ID) Proof {
	return Proof{TenantID: id, EndedAt: n.Begun, ErasedAt: n.Erased, Removed: n.Removed, Left: n.Found,
		RecoverableUntil: n.Erased.Add(recovery), Statement: statement}
}

// testify gives the proof to those who owned the tenant.
func (s *Service) testify(ctx context.Context, to []person, p Proof) error {
	if len(to) == 0 {
		return nil
	}
	changes := make([]store.DirectoryChange, len(to))
	for i, w := range to {
		changes[i] = store.DirectoryChange{Key: store.SubjectErasure(w.Issuer, w.Subject, p.TenantID), Value: p, ExpiresAt: p.ErasedAt.Add(keeping)}
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
		Summary: "List the proofs of erasure of your tenants", Doc: "Of each tenant that you were an owner of when it was erased, for a year.", Example: listIn{},
	}, s.list)}
}

const listErasures = "listErasures"

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Proof] }

func (s *Service) list(ctx context.Context, p tenant.Principal, in *listIn) (*listOut, error) {
	page, err := route.PageOf(in.Paging, route.NewCursors(listErasures, p.Issuer, p.Subject), func(l store.List) (store.Page, error) {
		return s.Store.Directory().Query(ctx, store.SubjectErasures(p.Issuer, p.Subject), l)
	}, func(proof Proof) (Proof, bool) { return proof, true })
	if err != nil {
		return nil, fmt.Errorf("list proofs of erasure: %w", err)
	}
	return &listOut{page}, nil
}

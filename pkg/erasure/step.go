package erasure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// notes are what a step leaves the next one.
type notes struct {
	Begun    time.Time          `json:"begun"` // the tenant has ended
	Next     time.Time          `json:"next"`  // nothing is done before
	Owners   []person           `json:"owners"`
	Projects []tenant.ProjectID `json:"projects"` // all that were ever seen
	Looking  bool               `json:"looking"`  // the pass counts and removes nothing
	Place    int                `json:"place"`    // of the pass, the next one; 0: the pass is to begin
	Found    Counts             `json:"found"`    // in a pass that is looking
	Removed  Counts             `json:"removed"`  // in all
	Erased   time.Time          `json:"erased"`   // when a pass had found nothing
}

// person was an owner at the tenant's end, and may read the proof.
type person struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

const maxOwners = 50 // who are given the proof

// step begins, or clears places for as long as it should, or ends a pass.
func (s *Service) step(ctx context.Context, r *job.Run) (more bool, err error) {
	var n notes
	if err := r.Notes(&n); err != nil {
		return false, err
	}
	switch now := s.Clock(); {
	case n.Begun.IsZero():
		doomed, err := s.begin(ctx, r, &n, now)
		if err != nil || !doomed {
			return false, err
		}
	case now.Before(n.Next):
		return false, job.ErrLater
	case n.Place == 0:
		if err := survey(ctx, r, &n); err != nil {
			return false, err
		}
		n.Place, n.Found = 1, Counts{}
	default:
		places := s.places(r, &n)
		for n.Place <= len(places) && s.Clock().Before(r.Until) {
			done, err := places[n.Place-1](ctx, r.Until)
			if err != nil {
				return false, err
			}
			if done {
				n.Place++
			}
		}
		if n.Place > len(places) {
			if more, err = s.passed(ctx, r, &n); err != nil || !more {
				return false, err
			}
		}
	}
	return true, r.Keep(n)
}

// begin ends the tenant for everybody, if it is to end.
func (s *Service) begin(ctx context.Context, r *job.Run, n *notes, now time.Time) (bool, error) {
	due, err := time.Parse(time.RFC3339, r.ID)
	if err != nil {
		return false, organization.None()
	}
	if now.Before(due) {
		return false, job.ErrLater
	}
	doomed, err := organization.Doom(ctx, r.Tenant, due, now)
	if err != nil || doomed == nil {
		return false, err
	}
	if s.Forget != nil {
		s.Forget(tenant.Principal{}, r.Message.Tenant)
	}
	n.Begun, n.Next = now.UTC().Truncate(time.Millisecond), now.Add(s.quiet())
	if n.Owners, err = s.owners(ctx, r.Message.Tenant); err != nil {
		return false, err
	}
	return true, s.testify(ctx, n.Owners, Proof{TenantID: r.Message.Tenant, Status: Erasing, TenantName: doomed.Name, DeletedBy: doomed.AskedBy,
		EndedAt: n.Begun, Statement: underWay})
}

func (s *Service) owners(ctx context.Context, id tenant.ID) (all []person, err error) {
	l := store.List{Consistency: store.Strongly}
	for len(all) < maxOwners {
		page, err := s.Store.Directory().Query(ctx, store.OrgMembers(id), l)
		if err != nil {
			return nil, fmt.Errorf("list owners: %w", err)
		}
		for _, r := range page.Records {
			var m identity.Member
			if err := r.Value.Decode(&m); err != nil {
				return nil, fmt.Errorf("list owners: %w", err)
			}
			if m.Role == tenant.Owner && len(all) < maxOwners {
				all = append(all, person{m.Issuer, m.Subject})
			}
		}
		if l.After = page.Next; l.After == "" {
			break
		}
	}
	return all, nil
}

// survey adds the projects that there are now: their own items, and the list that is written with them.
func survey(ctx context.Context, r *job.Run, n *notes) error {
	seen := map[tenant.ProjectID]bool{tenant.Unassigned: true}
	for _, p := range n.Projects {
		seen[p] = true
	}
	roster, _, err := project.Read(ctx, r.Tenant)
	if err != nil {
		return err
	}
	for _, p := range roster.Projects {
		seen[p.ID] = true
	}
	for l := (store.List{Consistency: store.Strongly, Expired: true}); ; {
		page, err := r.Tenant.Query(ctx, store.Projects(), l)
		if err != nil {
			return fmt.Errorf("list projects: %w", err)
		}
		for _, record := range page.Records {
			var p project.Project
			if err := record.Value.Decode(&p); err != nil {
				return fmt.Errorf("list projects: %w", err)
			}
			seen[p.ID] = true
		}
		if l.After = page.Next; l.After == "" {
			break
		}
	}
	n.Projects = n.Projects[:0]
	for p := range seen {
		n.Projects = append(n.Projects, p)
	}
	slices.Sort(n.Projects)
	return nil
}

// passed ends a pass. After one that clears, and quiet, comes one that looks; where that has found something, one that clears
// again. The first that has found nothing is the proof, and the next is the check of it.
func (s *Service) passed(ctx context.Context, r *job.Run, n *notes) (more bool, err error) {
	now := s.Clock().UTC().Truncate(time.Millisecond)
	n.Place = 0
	if !n.Looking || n.Found != (Counts{}) {
		n.Looking = !n.Looking
		if n.Looking {
			n.Next = now.Add(s.quiet())
		}
		return true, nil
	}
	first := n.Erased.IsZero()
	if first {
		n.Erased = now
	}
	proof := s.proof(n, r.Message.Tenant)
	if !first {
		proof.CheckedAt = &now
	}
	if err := s.testify(ctx, n.Owners, proof); err != nil {
		return false, err
	}
	s.Log.InfoContext(ctx, "tenant erased", "tenant", proof.TenantID, "endedAt", proof.EndedAt, "erasedAt", proof.ErasedAt, "checkedAt", proof.CheckedAt,
		"removed", proof.Removed, "left", proof.Left, "recoverableUntil", proof.RecoverableUntil)
	n.Next = now.Add(s.check())
	return first, nil
}

// months are those that the tenant can have rows of the audit log of: since its ID was made, with a month for clocks that differ.
func months(id tenant.ID, now time.Time) (first, last calendar.Month) {
	return calendar.MonthOf(id.Made()) - 1, calendar.MonthOf(now) + 1
}

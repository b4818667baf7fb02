package erasure

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// place is where a tenant has something: it is cleared, or looked at, until that is done or the time has come.
type place func(ctx context.Context, until time.Time) (done bool, err error)

// places are all, in the order in which they are cleared: what leads to others comes after them, the tenant's own item last.
// Schedules come first: they start work.
func (s *Service) places(r *job.Run, n *notes) []place {
	into := &n.Removed
	if n.Looking {
		into = &n.Found
	}
	all := []place{
		func(ctx context.Context, _ time.Time) (bool, error) {
			return s.schedules(ctx, r.Message.Tenant, n.Looking, &into.Schedules)
		},
		func(ctx context.Context, until time.Time) (bool, error) {
			return s.files(ctx, r.Scope, until, n.Looking, &into.Files)
		},
		s.paged(&into.Directory, n.Looking, s.directory(r.Message.Tenant, store.Org(r.Message.Tenant))),
		s.paged(&into.Directory, n.Looking, s.directory(r.Message.Tenant, store.OrgAccounts(r.Message.Tenant))),
		s.paged(&into.Directory, n.Looking, s.ends(r.Message.Tenant)),
		s.paged(&into.Directory, n.Looking, s.listed(r.Message.Tenant)),
	}
	counted := map[store.Table]*int64{store.CoreTable: &into.Core, store.CostTable: &into.Cost, store.AuditTable: &into.Audit}
	first, last := months(r.Message.Tenant, s.Clock())
	for _, span := range store.Everything(n.Projects, first, last) {
		all = append(all, s.paged(counted[span.Table()], n.Looking, items(r.Tenant, span)))
	}
	return all
}

const atOnce = 200 // items that are read, then removed

// pages is a place in the store.
type pages struct {
	query  func(context.Context, store.List) (store.Page, error)
	remove func(context.Context, []store.Record) (int, error) // gives how many items it was, with what points at them
}

// paged goes over the pages of a place, with what has expired and is still stored. What is removed is not met again.
func (s *Service) paged(counted *int64, looking bool, p pages) place {
	return func(ctx context.Context, until time.Time) (bool, error) {
		l := store.List{Limit: atOnce, Consistency: store.Strongly, Expired: true}
		if looking {
			l.Limit = 0
		}
		for s.Clock().Before(until) {
			page, err := p.query(ctx, l)
			if err != nil {
				return false, fmt.Errorf("list what is to be erased: %w", err)
			}
			n := len(page.Records)
			if n > 0 && !looking {
				n, err = p.remove(ctx, page.Records)
			}
			if *counted += int64(n); err != nil {
				return false, fmt.Errorf("erase: %w", err)
			}
			if page.Next == "" || looking && n > 0 {
				return true, nil // that something is left is all that need be known
			}
			l.After = page.Next
		}
		return false, nil
	}
}

// items is one partition of the tenant.
func items(h *store.Tenant, span store.Span) pages {
	return pages{
		func(ctx context.Context, l store.List) (store.Page, error) { return h.Query(ctx, span, l) },
		func(ctx context.Context, all []store.Record) (int, error) {
			changes := make([]store.Change, len(all))
			for i, r := range all {
				changes[i] = store.Change{Action: store.Delete, Key: span.Here(r)}
			}
			return len(all), h.Load(ctx, changes)
		},
	}
}

// schedules clears or counts the tenant's schedules.
func (s *Service) schedules(ctx context.Context, id tenant.ID, looking bool, counted *int64) (bool, error) {
	do := s.Schedules.Clear
	if looking {
		do = s.Schedules.Left
	}
	n, err := do(ctx, id)
	*counted += int64(n)
	return err == nil, err
}

// files clears or counts the tenant's files.
func (s *Service) files(ctx context.Context, scope *tenant.Scope, until time.Time, looking bool, counted *int64) (bool, error) {
	if looking {
		n, err := s.Files.Left(ctx, scope)
		*counted += int64(n)
		return err == nil, err
	}
	for s.Clock().Before(until) {
		n, err := s.Files.Sweep(ctx, scope)
		if *counted += int64(n); err != nil || n == 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// directory is what a partition of the tenant has in the directory, and with each item what points at it from elsewhere.
func (s *Service) directory(id tenant.ID, span store.DirectorySpan) pages {
	d := s.Store.Directory()
	return pages{
		func(ctx context.Context, l store.List) (store.Page, error) { return d.Query(ctx, span, l) },
		func(ctx context.Context, all []store.Record) (removed int, err error) {
			for _, r := range all {
				keys, err := s.pointers(ctx, id, r)
				if err != nil {
					return removed, err
				}
				n, err := remove(ctx, d, append(keys, span.Here(r)))
				if removed += n; err != nil {
					return removed, err
				}
			}
			return removed, nil
		},
	}
}

// farOff is further than any export's end.
const farOff = 366 * 24 * time.Hour

// ends are the tenant's among the ends of all tenants' exports, which are those of some days.
func (s *Service) ends(id tenant.ID) pages {
	d := s.Store.Directory()
	return pages{
		func(ctx context.Context, l store.List) (store.Page, error) {
			page, err := d.Query(ctx, store.ExportEnds(s.Clock().Add(farOff)), l)
			page.Records = slices.DeleteFunc(page.Records, func(r store.Record) bool { return !strings.Contains(r.Address.SK, "#"+string(id)+"#") })
			return page, err
		},
		func(ctx context.Context, all []store.Record) (int, error) {
			keys := make([]store.DirectoryKey, len(all))
			for i, r := range all {
				keys[i] = store.ExportEndAt(r.Address.SK)
			}
			return remove(ctx, d, keys)
		},
	}
}

// listed is the tenant in the list of all tenants.
func (s *Service) listed(id tenant.ID) pages {
	d := s.Store.Directory()
	return pages{
		func(ctx context.Context, _ store.List) (page store.Page, err error) {
			var it struct{}
			version, err := d.Read(ctx, store.TenantEntry(id), &it)
			if version > 0 {
				page.Records = []store.Record{{Version: version}}
			}
			return page, err
		},
		func(ctx context.Context, _ []store.Record) (int, error) {
			return remove(ctx, d, []store.DirectoryKey{store.TenantEntry(id)})
		},
	}
}

// remove removes items in their order, the last one, which leads to the others, with the last of them.
func remove(ctx context.Context, d *store.Directory, keys []store.DirectoryKey) (removed int, err error) {
	for some := range slices.Chunk(keys, store.MaxWrite) {
		changes := make([]store.DirectoryChange, len(some))
		for i, k := range some {
			changes[i] = store.DirectoryChange{Action: store.Delete, Key: k}
		}
		if err := d.Write(ctx, changes...); err != nil {
			return removed, err
		}
		removed += len(some)
	}
	return removed, nil
}

// pointers are what points at an item below the tenant from elsewhere in the directory.
func (s *Service) pointers(ctx context.Context, id tenant.ID, r store.Record) ([]store.DirectoryKey, error) {
	var it struct {
		identity.Member
		Digest []byte `json:"digest"`
	}
	if err := r.Value.Decode(&it); err != nil {
		return nil, fmt.Errorf("read an item of the directory: %w", err)
	}
	kind, rest, _ := strings.Cut(r.Address.SK, "#")
	switch {
	case kind == "MEMBER":
		all, err := s.remembered(ctx, it.Issuer, it.Subject, id)
		return append(all, store.SubjectTenant(it.Issuer, it.Subject, id)), err
	case kind == "IDEM" && it.Subject != "": // a trace
		return s.remembered(ctx, it.Issuer, it.Subject, id)
	case kind == "ACCT":
		return []store.DirectoryKey{store.Account(rest)}, nil
	case kind == "INV" && len(it.Digest) == sha256.Size:
		return []store.DirectoryKey{store.Invitation([sha256.Size]byte(it.Digest))}, nil
	case kind == "APIKEY" && len(it.Digest) == sha256.Size:
		return []store.DirectoryKey{store.APIKey([sha256.Size]byte(it.Digest))}, nil
	}
	return nil, nil
}

// remembered are a person's requests under Idempotency-Keys that name the tenant.
func (s *Service) remembered(ctx context.Context, issuer, subject string, id tenant.ID) (all []store.DirectoryKey, err error) {
	span, l := store.SubjectIdempotencies(issuer, subject), store.List{Consistency: store.Strongly, Expired: true}
	for {
		page, err := s.Store.Directory().Query(ctx, span, l)
		if err != nil {
			return nil, fmt.Errorf("list requests of a member: %w", err)
		}
		for _, r := range page.Records {
			var of struct {
				ID string `json:"id"`
			}
			if err := r.Value.Decode(&of); err != nil {
				return nil, fmt.Errorf("list requests of a member: %w", err)
			}
			if of.ID == string(id) || strings.Contains(r.Address.SK, string(id)) {
				all = append(all, span.Here(r))
			}
		}
		if l.After = page.Next; l.After == "" {
			return all, nil
		}
	}
}

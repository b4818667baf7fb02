package resource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxAccount bounds the resources of one account, gone ones too.
const MaxAccount = 250_000

// Count is what a commit has made of an account's resources.
type Count struct{ There, New, Gone int }

// generation is what a commit puts into projects and what it supersedes, written before either, so that whoever finds it after a
// kill knows what to take away.
type generation struct {
	_      struct{} `cbor:",toarray"`
	Next   account
	Before account // of no Gen where there was none
}

// ErrOvertaken says that another survey of the account was committed meanwhile.
var ErrOvertaken = errors.New("another look at the account was quicker")

// Commit makes visible what a survey has brought, in all projects at once, by the projects' rules as they are now; guard is checked
// in the same transaction. Until then, and with every error but one of which nothing is known, all is as it was. Errors are those of
// guard as *store.ConditionError, ErrOvertaken, and fault.Invalid for an account of more than MaxAccount resources.
func (k Keeper) Commit(ctx context.Context, h *store.Tenant, s Survey, guard ...store.Change) (Count, error) {
	before, old, err := k.current(ctx, h, s.Account)
	if err != nil {
		return Count{}, err
	}
	found, err := staged(ctx, h, s.Account, s.Parts)
	if err != nil {
		return Count{}, err
	}
	after := s.merge(old, found)
	if len(after) > MaxAccount {
		return Count{}, fault.New(fault.Invalid, "The account %s has %d resources, more than the %d that are kept of one. Name fewer regions for the "+
			"connection, or connect its parts as accounts of their own.", s.Account, len(after), MaxAccount)
	}
	next := account{ID: s.Account, At: s.At.Unix(), Skipped: s.skipped()}
	if next.Gen, err = k.id(); err != nil {
		return Count{}, err
	}
	if err := k.load(ctx, h, &next, before, after); err != nil {
		return Count{}, err
	}
	if err := point(ctx, h, next, before.Gen, guard); err != nil {
		return Count{}, err
	}
	_ = k.settle(ctx, h, &next) // what cannot be taken away now is by the next commit
	_ = h.Load(ctx, deletes(s.Parts, func(name string) store.Key { return store.Sighting(s.Account, name) }))
	return count(&s, old, after), nil
}

// All makes sightings all there is in an account at this moment.
func (k Keeper) All(ctx context.Context, h *store.Tenant, account string, found []Sighting) error {
	names, err := k.Stage(ctx, h, account, found)
	if err != nil {
		return err
	}
	_, err = k.Commit(ctx, h, Survey{Account: account, At: k.Clock(), Parts: names, Looks: []Look{{Region: Everywhere, Global: true, Service: "all"}}})
	return err
}

// current reads what counts of an account, and takes away what commits before have left behind.
func (k Keeper) current(ctx context.Context, h *store.Tenant, id string) (account, []Resource, error) {
	for attempt := range attempts {
		if err := pause(ctx, attempt); err != nil {
			return account{}, nil, err
		}
		x, _, err := readHead(ctx, h)
		if err != nil {
			return account{}, nil, err
		}
		now := account{ID: id}
		if a := x.of(id); a != nil {
			now = *a
		}
		if err := errors.Join(k.settle(ctx, h, &now), k.sweep(ctx, h, id)); err != nil {
			return account{}, nil, err
		}
		sheets, err := get(ctx, h, now.keys())
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return account{}, nil, err
		}
		var all []Resource
		for _, s := range sheets {
			for i := range s.Head {
				r := s.resource(i)
				r.AccountID = id
				all = append(all, r)
			}
		}
		return now, all, nil
	}
	return account{}, nil, ErrOvertaken
}

// load splits resources by the projects' rules and writes what each project has, which nobody sees yet.
func (k Keeper) load(ctx context.Context, h *store.Tenant, next *account, before account, all []Resource) error {
	roster, _, err := project.Read(ctx, h)
	if err != nil {
		return err
	}
	rules, split := roster.Assigner(), map[tenant.ProjectID][]Resource{}
	for i := range all {
		p := rules.Assign(next.ID, func(key string) string { return all[i].Tags[key] })
		split[p] = append(split[p], all[i])
	}
	var changes []store.Change
	for _, p := range slices.Sorted(maps.Keys(split)) {
		parts, err := encode(split[p])
		if err != nil {
			return err
		}
		of := holding{Project: p, Parts: len(parts), Count: len(split[p])}
		next.Holdings = append(next.Holdings, of)
		for n, key := range of.keys(next.ID, next.Gen) {
			changes = append(changes, store.Change{Key: key, Value: parts[n]})
		}
	}
	note, err := packed.Of(generation{Next: *next, Before: before})
	if err != nil {
		return err
	}
	if err := h.Load(ctx, []store.Change{{Key: store.Inventoried(next.ID, next.Gen), Value: note}}); err != nil {
		return fmt.Errorf("load resources: %w", err)
	}
	for some := range slices.Chunk(changes, atOnce) {
		if err := h.Load(ctx, some); err != nil {
			return fmt.Errorf("load resources: %w", err)
		}
	}
	return nil
}

// point makes a generation count in the place of another.
func point(ctx context.Context, h *store.Tenant, next account, instead string, guard []store.Change) error {
	for attempt := range attempts {
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		x, version, err := readHead(ctx, h)
		if err != nil {
			return err
		}
		if now := x.of(next.ID); now == nil && instead != "" || now != nil && now.Gen != instead {
			return ErrOvertaken
		}
		item, err := packed.Of(x.with(next))
		if err != nil {
			return err
		}
		err = h.Write(ctx, append(slices.Clone(guard), store.Change{Key: store.Inventory(), Value: item, Condition: store.VersionIs(version)})...)
		conflict := store.Conflicted(err)
		if conflict == nil || len(conflict.Failed) > 0 && conflict.Failed[0] < len(guard) {
			if err != nil {
				return fmt.Errorf("make resources count: %w", err)
			}
			return nil
		}
	}
	return fault.New(fault.Unavailable, "The resources of many accounts are being changed right now.")
}

// settle takes away what commits of an account have left behind: what they superseded where they count, else, once they can no
// longer come to their end, what they have loaded.
func (k Keeper) settle(ctx context.Context, h *store.Tenant, now *account) error {
	span := store.AllInventoried(now.ID)
	page, err := h.Query(ctx, span, store.List{Consistency: store.Strongly})
	if err != nil {
		return fmt.Errorf("settle resources: %w", err)
	}
	for _, r := range page.Records {
		var item packed.Item
		var g generation
		if err := r.Value.Decode(&item); err != nil {
			return fmt.Errorf("settle resources: %w", err)
		}
		if err := item.Into(&g); err != nil {
			return fmt.Errorf("settle resources: %w", err)
		}
		gone := g.Before.keys()
		if g.Next.Gen != now.Gen {
			if k.Clock().Sub(made(g.Next.Gen)) <= left {
				continue
			}
			gone = g.Next.keys()
		}
		if err := h.Load(ctx, append(deletes(gone, func(k store.Key) store.Key { return k }), store.Change{Action: store.Delete, Key: span.Here(r)})); err != nil {
			return fmt.Errorf("settle resources: %w", err)
		}
	}
	return nil
}

func deletes[T any](all []T, key func(T) store.Key) []store.Change {
	changes := make([]store.Change, len(all))
	for i, x := range all {
		changes[i] = store.Change{Action: store.Delete, Key: key(x)}
	}
	return changes
}

// count tells what a survey has changed.
func count(s *Survey, before, after []Resource) (c Count) {
	was := make(map[string]bool, len(before))
	for _, r := range before {
		was[r.ARN] = r.GoneAt.IsZero()
	}
	for _, r := range after {
		switch {
		case !r.GoneAt.IsZero():
			if was[r.ARN] {
				c.Gone++
			}
			continue
		case !was[r.ARN]:
			c.New++
		}
		c.There++
	}
	return c
}

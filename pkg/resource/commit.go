package resource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxAccount bounds the resources of one account, gone ones too.
const MaxAccount = 250_000

// Count is what a commit has made of an account's resources.
type Count struct{ There, New, Gone int }

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
	found, err := k.aside(s.Account).Staged(ctx, h, s.Parts)
	if err != nil {
		return Count{}, err
	}
	after := s.merge(old, found)
	if len(after) > MaxAccount {
		return Count{}, fault.New(fault.Invalid, "The account %s has %d resources, more than the %d that are kept of one. Name fewer regions for the "+
			"connection, or connect its parts as accounts of their own.", s.Account, len(after), MaxAccount)
	}
	next := account{ID: s.Account, At: s.At.Unix(), Skipped: s.skipped()}
	if next.Gen, err = generation.Keeper(k).ID(); err != nil {
		return Count{}, err
	}
	if err := k.load(ctx, h, &next, before, after); err != nil {
		return Count{}, err
	}
	if err := point(ctx, h, next, before.Gen, guard); err != nil {
		return Count{}, err
	}
	_ = k.settle(ctx, h, &next) // what cannot be taken away now is by the next commit
	_ = k.aside(s.Account).Clear(ctx, h, s.Parts)
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
	return look(ctx, h, id, func(now *account) error {
		return errors.Join(k.settle(ctx, h, now), k.aside(id).Sweep(ctx, h))
	})
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
	return k.notes(next.ID).Load(ctx, h, next.Gen, *next, before, changes)
}

// point makes a generation count in the place of another.
func point(ctx context.Context, h *store.Tenant, next account, instead string, guard []store.Change) error {
	err := generation.Try(ctx, func() error {
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
		if conflict := store.Conflicted(err); conflict != nil && (len(conflict.Failed) == 0 || conflict.Failed[0] >= len(guard)) {
			return generation.ErrMoved // another account's survey was quicker
		}
		if err != nil {
			return fmt.Errorf("make resources count: %w", err)
		}
		return nil
	})
	if errors.Is(err, generation.ErrMoved) {
		return fault.New(fault.Unavailable, "The resources of many accounts are being changed right now.")
	}
	return err
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

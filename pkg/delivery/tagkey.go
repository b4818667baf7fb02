package delivery

import (
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TagKeys is the tag keys that a tenant keeps: what costs can be asked for by.
type TagKeys struct {
	Keys []string `json:"keys" maxItems:"20" doc:"Tag keys as the provider writes them, case and all."`
}

// GetTagKeys asks for the kept tag keys.
type GetTagKeys struct{}

// PutTagKeys sets them.
type PutTagKeys struct {
	route.IfMatch
	Body TagKeys
}

// GotTagKeys answers both.
type GotTagKeys struct {
	ETag string `header:"ETag"`
	Body struct {
		TagKeys
		Rebuilding int `json:"rebuilding" doc:"Deliveries that are yet to be read again by these keys; until then their costs can be asked for by the keys before."`
	}
}

func examplePutTagKeys() *PutTagKeys {
	return &PutTagKeys{Body: TagKeys{Keys: []string{"environment", "team"}}}
}

// KeptKeys gives the tag keys that the tenant keeps, sorted.
func KeptKeys(ctx context.Context, t *store.Tenant) ([]string, error) {
	keys, _, err := readTagKeys(ctx, t)
	return keys, err
}

func readTagKeys(ctx context.Context, t *store.Tenant) ([]string, int64, error) {
	var keys TagKeys
	version, err := t.Read(ctx, store.TagKeys(), &keys)
	return keys.Keys, version, err
}

func (s *Service) getTagKeys(ctx context.Context, scope *tenant.Scope, _ *GetTagKeys) (*GotTagKeys, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	stale, err := outdated(ctx, t)
	if err != nil {
		return nil, err
	}
	keys, version, err := readTagKeys(ctx, t)
	if err != nil {
		return nil, err
	}
	return gotTagKeys(keys, version, len(stale)), nil
}

func gotTagKeys(keys []string, version int64, rebuilding int) *GotTagKeys {
	out := &GotTagKeys{ETag: route.ETag(version)}
	out.Body.Keys, out.Body.Rebuilding = keys, rebuilding
	if keys == nil {
		out.Body.Keys = []string{}
	}
	return out
}

func (s *Service) putTagKeys(ctx context.Context, scope *tenant.Scope, in *PutTagKeys) (*GotTagKeys, error) {
	keys := slices.Clone(in.Body.Keys)
	slices.Sort(keys)
	if err := checkTagKeys(keys); err != nil {
		return nil, err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	for range maxTries {
		before, version, err := readTagKeys(ctx, t)
		if err != nil {
			return nil, err
		}
		if err := in.Check(version); err != nil {
			return nil, err
		}
		if !slices.Equal(before, keys) || version == 0 {
			err = s.writeTagKeys(ctx, scope, t, before, keys, version)
			version++
		}
		if store.Conflicted(err) != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		n, err := s.rebuild(ctx, scope)
		return gotTagKeys(keys, version, n), err
	}
	return nil, fault.New(fault.Unavailable, "Too many changes at once. Try again.")
}

func (s *Service) writeTagKeys(ctx context.Context, scope *tenant.Scope, t *store.Tenant, before, after []string, version int64) error {
	row, err := s.row(ctx, scope, audit.Event{Target: "tag-keys", Before: TagKeys{before}, After: TagKeys{after}})
	if err != nil {
		return err
	}
	return t.Write(ctx, store.Change{Key: store.TagKeys(), Value: TagKeys{after}, Condition: store.VersionIs(version)}, row)
}

func checkTagKeys(keys []string) error {
	for i, k := range keys {
		switch {
		case k == "" || len(k) > 128:
			return fault.New(fault.Invalid, "A tag key has 1 to 128 characters.").At("body.keys", "has 1 to 128 characters", k)
		case slices.ContainsFunc([]rune(k), func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
			return fault.New(fault.Invalid, "A tag key has no control characters.").At("body.keys", "has a control character", k)
		case i > 0 && k == keys[i-1]:
			return fault.New(fault.Invalid, "A tag key is given twice.").At("body.keys", "is given twice", k)
		}
	}
	return nil
}

// RulesChanged has deliveries split anew after projects' rules have changed.
func (s *Service) RulesChanged(ctx context.Context, scope *tenant.Scope) error {
	_, err := s.rebuild(ctx, scope)
	return err
}

// rebuild asks for every delivery to be read again that was read by other rules or tag keys, and says how many they are.
func (s *Service) rebuild(ctx context.Context, scope *tenant.Scope) (int, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return 0, err
	}
	all, err := outdated(ctx, t)
	if err != nil {
		return 0, err
	}
	for _, id := range all {
		if err := s.Queue.Send(ctx, Message{Kind: Rebuild, Tenant: scope.Tenant(), Delivery: id}); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// outdated lists the deliveries that hold costs read by other rules or tag keys than today's.
func outdated(ctx context.Context, t *store.Tenant) (all []tenant.DeliveryID, err error) {
	var now reign
	if now.tagKeys, _, err = readTagKeys(ctx, t); err != nil {
		return nil, err
	}
	if now.roster, _, err = project.Read(ctx, t); err != nil {
		return nil, err
	}
	sources, err := cost.Sources(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, source := range sources {
		held, err := cost.Holdings(ctx, t, source, nil)
		if err != nil {
			return nil, err
		}
		by := now
		by.tagKeys = cost.KeysOf(source, now.tagKeys)
		for _, a := range held {
			if by.outdated(&a) && !slices.Contains(all, a.Delivery) {
				all = append(all, a.Delivery)
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// Guard gives an engine that refuses, with ErrDenied and before any call, every address that is not the tenant's,
// whatever the layers above did.
func Guard(e Engine, id tenant.ID) Engine { return &guard{e, id} }

type guard struct {
	engine Engine
	id     tenant.ID
}

func (g *guard) check(t Table, pk string) error {
	if t == DirectoryTable || !within(g.id, pk) {
		return fmt.Errorf("guard: the key is not the tenant's: %w", ErrDenied)
	}
	return nil
}

func (g *guard) checkOps(ops []Op) error {
	for _, op := range ops {
		if err := g.check(op.Address.Table, op.Address.PK); err != nil {
			return err
		}
	}
	return nil
}

func (g *guard) Get(ctx context.Context, at []Address, c Consistency) ([]*Record, error) {
	for _, a := range at {
		if err := g.check(a.Table, a.PK); err != nil {
			return nil, err
		}
	}
	return g.engine.Get(ctx, at, c)
}

func (g *guard) Query(ctx context.Context, r Range) (Page, error) {
	if err := g.check(r.Table, r.PK); err != nil {
		return Page{}, err
	}
	return g.engine.Query(ctx, r)
}

func (g *guard) Write(ctx context.Context, ops []Op) error {
	if err := g.checkOps(ops); err != nil {
		return err
	}
	return g.engine.Write(ctx, ops)
}

func (g *guard) Load(ctx context.Context, ops []Op) error {
	if err := g.checkOps(ops); err != nil {
		return err
	}
	return g.engine.Load(ctx, ops)
}

func (g *guard) Add(ctx context.Context, at Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	if err := g.check(at.Table, at.PK); err != nil {
		return nil, err
	}
	return g.engine.Add(ctx, at, by, expires)
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/tenantry/tenantry/infra/bench/bed"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// use is what a flow takes of DynamoDB, in halves of units.
type use struct{ read, write int64 }

// units are what the flows take.
type units struct {
	query   use // costs of a month by service
	request use // of another kind: the list of projects
	imports use // a delivery of a month, with all of its requests
}

// importLines is how many lines the delivery has.
const importLines = 10_000

// measured is what -measure printed on 2026-11-25. Documents are compressed and IDs random, so that a unit more or less comes out of
// each measurement.
var measured = units{query: use{12, 0}, request: use{2, 0}, imports: use{94, 1534}}

const month = calendar.Month(2026*12 + 5) // June

// measure runs the flows on the embedded store.
func measure(ctx context.Context) (u units, err error) {
	err = bed.Temporary("cost", tenant.Enterprise, func(p *bed.Platform) error {
		bill := demo.Bench{Seed: 1, Month: month, Lines: importLines, Resources: 2_000, Hours: 9}
		file := filepath.Join(p.Dir, "bill.csv")
		if err := write(bill, file); err != nil {
			return err
		}
		path, _, err := p.Tenant(ctx, bill.TagKeys(), [][]string{bill.Accounts()})
		if err != nil {
			return err
		}
		u.imports, err = metered(ctx, func(ctx context.Context) error {
			m, err := p.Deliver(ctx, path, "csv", file)
			if err != nil {
				return err
			}
			return p.Worker.Handle(ctx, m)
		})
		if err != nil {
			return err
		}
		get := func(path string) (use, error) {
			return metered(ctx, func(ctx context.Context) error { return p.Call(ctx, "GET", path, nil, nil) })
		}
		if u.query, err = get(path + "/costs?start=2026-06-01&end=2026-07-01&groupBy=serviceName"); err != nil {
			return err
		}
		u.request, err = get(path + "/projects")
		return err
	})
	return u, err
}

// metered is what f uses of the store.
func metered(ctx context.Context, f func(context.Context) error) (use, error) {
	ctx, meter := store.WithMeter(ctx)
	err := f(ctx)
	total := meter.Total()
	return use{int64(total.Read), int64(total.Write)}, err
}

func write(bill demo.Bench, file string) error {
	var text strings.Builder
	w := focus.NewCSVWriter(&text, demo.Version)
	if _, err := bill.Each(func(r *focus.Record) error { return w.Write(*r) }); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text.String()), 0o600)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tenantry/tenantry/infra/bench/bed"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/demo"
)

// imported is what a child takes to import a file into a new platform of ten projects. The rows are those that its result
// tells, whose total is checked.
func imported(ctx context.Context, f format, file string) (u bed.Use, err error) {
	dir, err := os.MkdirTemp(bed.Root, "import-*")
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var waiting delivery.Message
	var at string
	if err := bed.Within(dir, "", func(p *bed.Platform) error {
		tenant, err := tenantOf(ctx, p)
		if err != nil {
			return err
		}
		waiting, err = p.Deliver(ctx, tenant, f.name, file)
		at = tenant + "/imports/" + string(waiting.Delivery)
		return err
	}); err != nil {
		return u, err
	}
	message, err := json.Marshal(waiting)
	if err != nil {
		return u, err
	}
	if u, err = bed.Child(ctx, "import", dir, string(message)); err != nil {
		return u, err
	}
	return u, bed.Within(dir, "", func(p *bed.Platform) error {
		u.Rows, err = lines(ctx, p, at, file)
		return err
	})
}

// tenantOf makes a tenant of ten projects of five accounts each, and gives its path.
func tenantOf(ctx context.Context, p *bed.Platform) (string, error) {
	var projects [][]string
	for accounts := (demo.Bench{}).Accounts(); len(accounts) > 0; accounts = accounts[5:] {
		projects = append(projects, accounts[:5])
	}
	path, _, err := p.Tenant(ctx, demo.Bench{}.TagKeys(), projects)
	return path, err
}

// lines gives the lines of an import that succeeded with the total of its file.
func lines(ctx context.Context, p *bed.Platform, at, file string) (int64, error) {
	want, err := os.ReadFile(file + billed)
	if err != nil {
		return 0, err
	}
	var d delivery.Delivery
	if err := p.Call(ctx, "GET", at, nil, &d); err != nil {
		return 0, err
	}
	if d.Status != delivery.Succeeded || len(d.Result.Periods) != 1 {
		return 0, fmt.Errorf("the import of %s is %s: %s", file, d.Status, d.Error)
	}
	if got := d.Result.Periods[0].After.Totals[0].BilledCost; got != string(want) {
		return 0, fmt.Errorf("the import of %s adds up to %s and not to %s", file, got, want)
	}
	return d.Result.Lines, nil
}

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/infra/bench/bed"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/organization"
	ids "github.com/tenantry/tenantry/pkg/tenant"
)

// What there is each day.
const (
	projects = 20
	services = 25
	regions  = 10
	cells    = services * regions
)

// fill makes the tenant and replaces month by month, as deliveries would.
func fill(ctx context.Context, b *bed.Platform, p plan) (*tenant, error) {
	var accounts [][]string
	for i := range projects {
		accounts = append(accounts, []string{account(i)})
	}
	t := &tenant{Platform: b}
	var err error
	if t.path, t.projects, err = b.Tenant(ctx, []string{"environment"}, accounts); err != nil {
		return nil, err
	}
	scope, err := organization.Work(ctx, b.Store, ids.ID(filepath.Base(t.path)), "bench")
	if err != nil {
		return nil, err
	}
	if t.handle, err = b.Store.Tenant(scope); err != nil {
		return nil, err
	}
	for m := p.first; m <= p.last; m++ {
		if err := t.replace(ctx, m); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func account(i int) string { return fmt.Sprintf("4000000000%02d", i) }

// replace makes a month's costs count.
func (t *tenant) replace(ctx context.Context, m calendar.Month) error {
	byAccount := map[string]string{}
	for i, id := range t.projects {
		byAccount[account(i)] = id
	}
	temp := filepath.Join(t.Dir, "spill")
	symbols := focus.NewSymbols()
	builder := rollup.New(rollup.Config{Dir: temp, Symbols: symbols, TagKeys: []string{"environment"},
		Assign: func(account, _ string) string { return byAccount[account] }})
	defer func() { _ = builder.Close() }()
	if err := lines(m, symbols, builder.Add); err != nil {
		return err
	}
	result, err := builder.Finish()
	if err != nil {
		return err
	}
	now := time.Now()
	id, err := ids.NewDeliveryID(now, rand.Reader)
	if err != nil {
		return err
	}
	r := &cost.Replacement{Tenant: t.handle, Delivery: id, Gen: ulid.Make().String(), Source: "upload:bench", TagKeys: []string{"environment"},
		Dir: temp, Lines: result,
		Origin: func(string, calendar.Month) cost.Origin {
			return cost.Origin{Delivery: id, Delivered: now, Rules: projects}
		}}
	defer r.Close()
	if _, err := r.Prepare(ctx); err != nil {
		return err
	}
	if err := r.Load(ctx); err != nil {
		return err
	}
	if err := r.Commit(ctx); err != nil {
		return err
	}
	var all []ids.ProjectID
	for _, p := range t.projects {
		all = append(all, ids.ProjectID(p))
	}
	return cost.Settle(ctx, t.handle, id, true, all)
}

// lines gives f a line for every cell of a month.
func lines(m calendar.Month, symbols *focus.Symbols, f func(*focus.Line) error) error {
	random := mathrand.New(mathrand.NewPCG(1, uint64(m)))
	l := focus.Line{Billing: m, Present: [focus.NumMetrics]bool{true, true, true, true, false}}
	for day := m.First(); day <= m.Last(); day++ {
		l.Day = day
		for i := range projects * cells {
			for d, text := range texts(i/cells, i%cells) {
				l.Dims[d] = symbols.Intern(focus.Dim(d), []byte(text))
			}
			l.Amounts = amounts(random, levels[i%cells*7%cells], i%2 == 0)
			if err := f(&l); err != nil {
				return err
			}
		}
	}
	return nil
}

// texts are the columns of a cell of a project.
func texts(project, cell int) [focus.NumDims]string {
	service, region := cell%services, cell/services
	return [focus.NumDims]string{
		focus.BillingCurrency: "USD", focus.BillingAccountID: "499999999999", focus.BillingAccountName: "Example Organization",
		focus.SubAccountID: account(project), focus.SubAccountName: fmt.Sprintf("account %d", project), focus.ProviderName: "AWS",
		focus.ServiceName: fmt.Sprintf("Amazon Example Service %02d", service), focus.RegionID: fmt.Sprintf("region-%d", region),
		focus.RegionName: fmt.Sprintf("Region %d", region), focus.ChargeCategory: "Usage", focus.InvoiceIssuerName: "Amazon Web Services, Inc.",
	}
}

// amounts are about a cell's level, of ten decimals: BilledCost to ContractedCost four different ones, or all the same.
func amounts(random *mathrand.Rand, level int64, different bool) (all [focus.NumMetrics]money.Amount) {
	amount := func() money.Amount { return money.FromScaled(level/2+random.Int64N(level), 10) }
	one := amount()
	for m := focus.BilledCost; m <= focus.ContractedCost; m++ {
		if all[m] = one; different {
			all[m] = amount()
		}
	}
	return all
}

// levels are what the cells of a project cost a day, from $0.01 to $50 in equal steps of 3.5 percent, in 1e-10.
var levels = func() (all [cells]int64) {
	for i, level := 0, int64(1e8); i < cells; i++ {
		all[i] = level
		level = level * 1035 / 1000
	}
	return all
}()

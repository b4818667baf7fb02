package cost

import (
	"context"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// control gives a project's control totals after the replacement: those of the lines, and what stays of the ones that
// count now.
func (r *Replacement) control(ctx context.Context, p tenant.ProjectID, period calendar.Month) ([]AccountTotals, error) {
	all, err := r.totals(p, period)
	if err != nil {
		return nil, err
	}
	if h := r.covers[period]; h.keeps(p) {
		var old Totals
		if _, err := readBlob(ctx, r.Tenant, store.Totals(p, r.Source, period), &old); err != nil {
			return nil, err
		}
		for _, a := range old.at(r.head.Gen(r.Source, period)) {
			if !h.replaced[a.BillingAccount] {
				all = append(all, a)
			}
		}
	}
	return all, nil
}

// lines counts a project's lines of a period after the replacement, and keeps its control totals for loading.
func (r *Replacement) lines(ctx context.Context, p tenant.ProjectID, period calendar.Month) (n int64, err error) {
	at := place{project: p, period: period}
	if _, done := r.totalsOf[at]; !done {
		if r.totalsOf[at], err = r.control(ctx, p, period); err != nil {
			return 0, err
		}
	}
	for _, a := range r.totalsOf[at] {
		n += a.Lines
	}
	return n, nil
}

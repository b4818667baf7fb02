package cost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TestAskEqualsWhatWasDelivered is TestAskEqualsTheLines of ledgers that real deliveries have written, one a source.
func TestAskEqualsWhatWasDelivered(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	service := &cost.Service{Store: s, Clock: func() time.Time { return calendar.Date(2026, 6, 1).Time() }}
	rapid.Check(t, func(t *rapid.T) {
		scope, l := newScope(t), drawLedger(t)
		l.deliver(t, s, scope, dir)
		for range 10 {
			q := drawQuestion(t)
			a, err := service.Ask(context.Background(), scope, q)
			want, refused := l.expect(q)
			if refused != "" {
				require.True(t, fault.Is(err, fault.Invalid), "%s, but: %v", refused, err)
				continue
			}
			require.NoError(t, err)
			got := flatten(t, q, a)
			if len(got.Groups) == 0 {
				got.Currency = want.Currency
			}
			require.Equal(t, want, got)
		}
	})
}

// deliver has each source deliver its charges, in the order of the sources, and notes what the earlier ones lose.
func (l *ledger) deliver(t *rapid.T, s *store.Store, scope *tenant.Scope, dir string) {
	handle, err := s.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, handle.Write(context.Background(), store.Change{Key: store.Roster(), Value: project.Roster{Projects: l.projects}}))
	keys := []string{"aws:team", "env"}
	l.tagKeys, l.shadowed = func(batch) []string { return keys }, map[batch][]string{}
	for n, source := range []string{"upload:a", "upload:b"} {
		now := time.Unix(1_780_000_000+int64(n), 0)
		id, err := tenant.NewDeliveryID(now, zeros(0))
		require.NoError(t, err)
		lines := l.rollUp(t, source, keys, dir)
		result, err := lines.Finish()
		require.NoError(t, err)
		r := &cost.Replacement{Tenant: handle, Delivery: id, Gen: fmt.Sprint("gen-", n), Source: source, TagKeys: keys, Dir: dir,
			Lines: result, Origin: func(string, calendar.Month) cost.Origin { return cost.Origin{Delivery: id, Delivered: now} }}
		_, err = r.Prepare(context.Background())
		require.NoError(t, err)
		require.NoError(t, r.Load(context.Background()))
		require.NoError(t, r.Commit(context.Background()))
		require.NoError(t, cost.Settle(context.Background(), handle, id, true, []tenant.ProjectID{web, api, tenant.Unassigned}))
		r.Close()
		require.NoError(t, lines.Close())
	}
	for i := range l.charges {
		a := &l.charges[i]
		if a.source == "upload:a" && slices.ContainsFunc(l.charges, func(b charge) bool {
			return b.source == "upload:b" && b.billing == a.billing && b.unit() == a.unit()
		}) {
			l.shadowed[batch{a.source, a.billing}] = append(l.shadowed[batch{a.source, a.billing}], a.unit())
		}
	}
}

// rollUp adds up the charges of a source. What decides the project is the tag "project".
func (l *ledger) rollUp(t *rapid.T, source string, keys []string, dir string) *rollup.Builder {
	symbols := focus.NewSymbols()
	b := rollup.New(rollup.Config{Dir: dir, Symbols: symbols, TagKeys: keys,
		Assign: func(_, tags string) string { return focus.TagValues(tags, []string{"project"}, nil)[0] }})
	for i := range l.charges {
		c := &l.charges[i]
		if c.source != source {
			continue
		}
		line := focus.Line{Number: int64(i), Billing: c.billing, Day: c.day}
		for d, text := range c.dims {
			line.Dims[d] = symbols.Intern(focus.Dim(d), []byte(text))
		}
		tags := map[string]string{"project": string(c.project)}
		for k, v := range c.tags {
			if v != "" {
				tags[k] = v
			}
		}
		text, err := json.Marshal(tags)
		require.NoError(t, err)
		line.Dims[focus.Tags] = symbols.Intern(focus.Tags, text)
		for m, a := range c.amounts {
			if line.Present[m] = a != ""; a != "" {
				line.Amounts[m] = money.MustParse(a)
			}
		}
		require.NoError(t, b.Add(&line))
	}
	return b
}

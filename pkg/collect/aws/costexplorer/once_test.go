package costexplorer_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/collect/aws/costexplorer"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestAConnectionThatBecomesAnotherKindCountsNothingTwice(t *testing.T) {
	for name, c := range map[string]struct{ from, to connection.Kind }{
		"a payer a member": {connection.Payer, connection.Member},
		"a member a payer": {connection.Member, connection.Payer},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, connection.Payer, cesim.Options{})
			w.con.Kind = c.from
			w.sim.Set(both())
			w.collect()
			require.Equal(t, "248.5000000022", w.ask(year+"&metric=billedCost").Total)
			w.con.Kind = c.to
			w.tomorrow()
			w.sim.Set(append(both(), charge(two, "2026-03-01", "AWS Lambda", "eu-west-1", "Usage", "1", "1"), charge(two, "2026-02-10", "AWS Lambda", "eu-west-1", "Usage", "1", "1")))
			w.collect()
			require.Equal(t, "250.5000000022", w.ask(year+"&metric=billedCost").Total)
			w.tomorrow()
			require.LessOrEqual(t, w.collect(), 2, "a day without costs takes no more, and no other is asked about again")
		})
	}
}

// deposited makes deliveries and fails after the next one, as a worker does that is killed between a delivery and its book.
type deposited struct {
	costexplorer.Deliveries
	kill bool
}

func (d *deposited) Deposit(ctx context.Context, s *tenant.Scope, of delivery.Deposit) (tenant.DeliveryID, error) {
	id, err := d.Deliveries.Deposit(ctx, s, of)
	if d.kill && err == nil {
		d.kill = false
		return "", errors.New("killed")
	}
	return id, err
}

func TestCostsAreDeliveredThoughASlotWasGivenUpAfterItsDelivery(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	january := func(amount string) {
		w.sim.Set([]cesim.Charge{charge(one, "2026-01-10", "AWS Lambda", "eu-west-1", "Usage", amount, amount)})
	}
	january("1")
	w.collect()
	worker := &deposited{Deliveries: w.app.Deliveries}
	w.collector.Deliveries = worker
	var err error
	for days := 0; err == nil; days++ { // until January is final, which is delivered
		require.Less(t, days, 20)
		w.tomorrow()
		w.due()
		worker.kill = true
		for more := true; more && err == nil; {
			more, _, err = w.step()
		}
		w.app.Work(t)
	}
	require.EqualError(t, err, "killed")
	w.tomorrow()
	january("50")
	w.collect()
	require.Equal(t, "50", w.ask(year+"&metric=billedCost").Total)
}

// slow are files that take a while to read, and know how many were read at once.
type slow struct {
	costexplorer.Files
	now, most atomic.Int32
}

func (f *slow) Get(ctx context.Context, s *tenant.Scope, name string) ([]byte, error) {
	n := f.now.Add(1)
	defer f.now.Add(-1)
	for most := f.most.Load(); n > most && !f.most.CompareAndSwap(most, n); most = f.most.Load() {
	}
	time.Sleep(2 * time.Millisecond)
	return f.Files.Get(ctx, s, name)
}

func TestAPayersAccountsAreReadTogetherAndBoundedly(t *testing.T) {
	w := newTester(t, connection.Payer, cesim.Options{})
	var accounts []string
	var all []cesim.Charge
	for i := range 40 {
		accounts = append(accounts, fmt.Sprintf("3333%08d", i))
		all = append(all, charge(accounts[i], "2026-02-05", "AWS Lambda", "eu-west-1", "Usage", "1", "1"))
	}
	w.sim.Organize(payer, accounts...)
	w.sim.Set(all)
	files := &slow{Files: w.collector.Files}
	w.collector.Files = files
	w.collect()
	w.app.Alice.Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(w.app.Alice.Project)), map[string]any{"accountIds": accounts}).Is(t, 200)
	w.app.Work(t)
	require.Equal(t, "40", w.ask(year+"&metric=billedCost").Total)
	require.Greater(t, files.most.Load(), int32(1))
	require.LessOrEqual(t, files.most.Load(), int32(16))
}

package costexplorer_test

import (
	"context"
	"errors"
	"testing"

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

package costexplorer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
)

// TestMonthsThatAConnectionHasStillToBringAreMissing asks for a month before the project was made: nothing is expected of it, until a
// connection has promised it.
func TestMonthsThatAConnectionHasStillToBringAreMissing(t *testing.T) {
	const before, december = "start=2025-01-01&end=2025-02-01", "start=2025-12-01&end=2026-01-01&metric=billedCost"
	for _, kind := range []connection.Kind{connection.Member, connection.Payer} {
		t.Run(string(kind), func(t *testing.T) {
			w := newTester(t, kind, cesim.Options{})
			require.True(t, w.ask(december).Complete, "nobody has promised anything")
			w.connect()
			missing := w.ask(december)
			require.False(t, missing.Complete)
			require.Contains(t, missing.Incomplete[0].Reason, "first collection")
			require.True(t, w.ask(before).Complete, "13 months are promised, and no more")

			w.sim.Set(ledger())
			w.due()
			more, _, err := w.step()
			require.NoError(t, err)
			require.True(t, more)
			require.Contains(t, w.ask(december).Incomplete[0].Reason, "first collection", "it has begun")
			w.finish()
			require.True(t, w.ask(december).Complete, "it had no costs, and was asked about")
			require.True(t, w.ask("start=2026-02-01&end=2026-03-01").Complete)
		})
	}
}

// TestProjectsOfConnectionsAreToldToUseThem is of the month in which the project was made.
func TestProjectsOfConnectionsAreToldToUseThem(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	month := "start=" + w.app.Now().Format("2006-01") + "-01&end=" + w.app.Now().Format("2006-01") + "-02"
	require.Contains(t, w.ask(month).Incomplete[0].Reason, "import this month")
	w.connect()
	for status, word := range map[connection.Status]string{connection.Pending: "verify it", connection.Connected: "to be started", connection.Paused: "resume it",
		connection.Broken: "mend it"} {
		w.con.Status = status
		require.NoError(t, w.task().Tenant.Write(t.Context(), store.Change{Key: store.Connection(conID), Value: w.con}))
		require.Contains(t, w.ask(month).Incomplete[0].Reason, word)
	}
}

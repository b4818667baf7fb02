package costexplorer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
)

// TestWhatASuspensionCutShortComesWithTheNextSlot suspends the tenant in the midst of a run: the run is cancelled, nothing of it is seen, and
// the first slot after the tenant is active again brings its days.
func TestWhatASuspensionCutShortComesWithTheNextSlot(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.connect()
	w.sim.Set(wide("1", 1, 2))
	w.start()
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	w.tomorrow()
	due := func() collect.Message {
		return collect.Message{Kind: collect.Costs, Tenant: w.app.Alice.Tenant, Project: w.app.Alice.Project, Slot: w.app.Now().Truncate(time.Second)}
	}
	outcome := func(m collect.Message) ran {
		return w.outcome(w.app.Alice.Path("/projects/" + string(m.Project) + "/runs/" + string(m.ID())))
	}
	w.sim.Set(wide("2", 1, 2, 20)) // which is fetched in two spans
	suspended := false
	w.sim.Fail(func(c cesim.Call) *cesim.Fault {
		if c.Page == 2 && !suspended {
			suspended = true
			w.app.Advance(15 * time.Minute) // the step's time is over
			w.app.Alice.Do(t, "POST", w.app.Alice.Path("/suspend"), nil).Is(t, 200)
		}
		return nil
	})
	w.sim.Forget()
	cut := due()
	for w.app.Collect.Handle(t.Context(), cut) != nil {
		w.app.Advance(time.Minute)
	}
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	require.True(t, suspended)
	r := outcome(cut)
	require.Equal(t, "cancelled", r.Status, "%+v", r)
	require.Contains(t, r.Reason, "The organization is suspended: nothing is collected.")
	require.Equal(t, "500", w.ask(year+"&metric=billedCost").Total, "half of it is not seen")
	require.Len(t, w.deliveries(), 1)

	w.tomorrow()
	pages := w.sim.Pages()
	require.NoError(t, w.app.Collect.Handle(t.Context(), due()))
	require.Equal(t, pages, w.sim.Pages(), "nothing is asked meanwhile")
	w.app.Alice.Do(t, "POST", w.app.Alice.Path("/activate"), nil).Is(t, 200)
	w.tomorrow()
	next := due()
	require.NoError(t, w.app.Collect.Handle(t.Context(), next))
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	require.Equal(t, "succeeded", outcome(next).Status, "%+v", outcome(next))
	require.Equal(t, "1500", w.ask(year+"&metric=billedCost").Total)
	require.Len(t, w.deliveries(), 2, "once")
}

package delivery_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// opening does something when a file is opened.
type opening struct {
	delivery.Files
	do func()
}

func (o opening) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	o.do()
	return o.Files.Open(ctx, s, name)
}

func (t *tester) life(below string) {
	require.Less(t, t.home.Do(t, "POST", t.home.Path(below), nil).Status, 300)
}

func TestATenantThatRestsGetsNoCosts(t *testing.T) {
	file := lines(8, "a", "1")
	for name, rest := range map[string]func(w *tester, m delivery.Message){
		"by a message that comes late": func(w *tester, m delivery.Message) {
			w.life("/suspend")
			require.NoError(w, w.app.Deliveries.Handle(w.Context(), m))
		},
		"by a worker that is in the middle of it": func(w *tester, m delivery.Message) {
			files := w.app.Deliveries.Files
			w.app.Deliveries.Files = opening{files, func() { w.life("/suspend") }}
			require.True(w, fault.Is(w.app.Deliveries.Handle(w.Context(), m), fault.Unavailable))
			w.app.Deliveries.Files = files
			require.NoError(w, w.app.Deliveries.Handle(w.Context(), m), "the message comes again")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t)
			require.Equal(t, delivery.Succeeded, w.split(lines(2, "a", "1")).Status)
			m := w.closed(file)
			rest(w, m)
			w.app.Work(t)
			require.Equal(t, "2", w.ask(february).Total)
			require.NotEqual(t, delivery.Succeeded, w.status(m).Status)

			w.life("/activate")
			w.app.WorkJobs(t)
			w.app.Work(t)
			require.Equal(t, delivery.Succeeded, w.status(m).Status, "what was refused is done")
			require.Equal(t, "8", w.ask(february).Total)
			w.noOrphans()
		})
	}
}

func TestAFileThatCameBeforeTheTenantRestedIsReadAfterwards(t *testing.T) {
	w := newTester(t)
	file := lines(8, "a", "1")
	var c created
	imports := w.home.Path("/projects/" + string(w.home.Project) + "/imports")
	w.home.Do(t, "POST", imports, map[string]any{"format": "csv", "source": "s", "sizeBytes": len(file)}).Is(t, 201).Into(t, &c)
	w.put(c.UploadURL, file)
	w.home.Do(t, "DELETE", w.home.Path("?name=alice%27s"), nil).Is(t, 202)
	w.app.Work(t)
	w.life("/restore")
	w.app.WorkJobs(t)
	w.app.Work(t)
	require.Equal(t, "8", w.ask(february).Total)
	w.life("/restore")
	w.app.WorkJobs(t)
	w.app.Work(t)
	require.Equal(t, "8", w.ask(february).Total, "asked for again")
}

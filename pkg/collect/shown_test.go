package collect_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestAMemberWhoIsLimitedToAProjectReadsNothingOfAccountsThatAreNotItsOwn(t *testing.T) {
	const own, other = "999988887777", "444455556666"
	says := func(err error) func(context.Context, *collect.Task, int) error {
		return func(_ context.Context, task *collect.Task, page int) error {
			task.Stage("fetching account " + other)
			task.Aside("The bucket secret-bucket of " + other + " cannot be read.")
			task.Skip("buckets of "+other, "The role arn:aws:iam::111122223333:role/secret lacks a right.")
			if page > 0 && err != nil {
				return err
			}
			return nil
		}
	}
	tests := map[string]struct {
		err    error
		reason string
	}{
		"where it was denied": {&collect.Denied{Reason: connection.Connection{RoleARN: "arn:aws:iam::111122223333:role/secret"}.NotTaken().Error()},
			"An account that is not the project's: AWS denies access to it. Somebody who sees the whole organization can tell why."},
		"where some was left out": {nil,
			"An account that is not the project's: Not all could be collected from it. Somebody who sees the whole organization can tell why."},
		"where it goes on later": {&collect.Throttled{After: time.Hour}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, 2)
			m := w.due()
			w.account.before = says(test.err)
			w.alice().Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(m.Project)), map[string]any{"accountIds": []string{own}}).Is(t, 200)
			_ = w.app.Collect.Handle(t.Context(), m)
			limited := w.app.Join(t, w.app.Alice.Tenant, "limited", tenant.Viewer, m.Project)
			var r collect.Run
			one := limited.Get(t, w.path(m)).Is(t, 200)
			one.Into(t, &r)
			require.Equal(t, test.reason, r.Reason)
			for _, text := range []string{string(one.Body), string(limited.Get(t, w.runs(m.Project)).Is(t, 200).Body)} {
				for _, hidden := range []string{"111122223333", other, "secret"} {
					require.NotContains(t, text, hidden)
				}
			}
			require.Contains(t, string(w.alice().Get(t, w.path(m)).Is(t, 200).Body), "111122223333", "who sees all of it is told")
		})
	}
	t.Run("where the project has the payer itself, which speaks of others", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		w.account.before = says(nil)
		w.alice().Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(m.Project)), map[string]any{"accountIds": []string{"111122223333"}}).Is(t, 200)
		w.do(m)
		limited := w.app.Join(t, w.app.Alice.Tenant, "limited", tenant.Viewer, m.Project)
		require.NotContains(t, string(limited.Get(t, w.path(m)).Is(t, 200).Body), other)
	})
	t.Run("and all of those that are", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		w.account.before = func(_ context.Context, task *collect.Task, _ int) error {
			task.Aside("The bucket ours of 111122223333 cannot be read.")
			return nil
		}
		w.alice().Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(m.Project)), map[string]any{"accountIds": []string{"111122223333"}}).Is(t, 200)
		w.do(m)
		var r collect.Run
		w.app.Join(t, w.app.Alice.Tenant, "limited", tenant.Viewer, m.Project).Get(t, w.path(m)).Is(t, 200).Into(t, &r)
		require.Equal(t, "Account 111122223333: The bucket ours of 111122223333 cannot be read.", r.Reason)
		require.Equal(t, "111122223333", r.Connections[0].AccountID)
	})
}

package collect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// accounts connects so many accounts, one of them from the beginning.
func (t *tester) accounts(n int) {
	for i := 2; i <= n; i++ {
		t.connect(tenant.ConnectionID(fmt.Sprintf("con_01J0000000000000000000%04d", i)), fmt.Sprintf("1111222%05d", i), connection.Payer)
	}
}

func TestARunHasRoomForWhatItsConnectionsSay(t *testing.T) {
	t.Run("of many lists that were left out, of which it says some and how many more there are", func(t *testing.T) {
		w := newTester(t, 1)
		const accounts, lists = 40, 60
		w.accounts(accounts)
		w.account.before = func(_ context.Context, task *collect.Task, _ int) error {
			for i := range lists {
				task.Skip(fmt.Sprintf("EC2 instances in eu-somewhere-%d", i), "The role does not allow ec2:DescribeInstances (UnauthorizedOperation). Update the stack of its template, "+
					"or leave it so: what is known of them stays as it is.")
			}
			return nil
		}
		m := w.due()
		w.do(m)
		r := w.run(m)
		require.Equal(t, collect.Succeeded, r.Status)
		require.Equal(t, accounts, w.account.calls())
		require.Len(t, r.Connections, accounts)
		for _, p := range r.Connections {
			require.Equal(t, collect.Collected, p.Status)
			require.NotEmpty(t, p.Skipped)
			require.Equal(t, lists, len(p.Skipped)+p.SkippedMore)
		}
		requireFits(t, r)
	})
	t.Run("of hundreds of connections that are broken", func(t *testing.T) {
		w := newTester(t, 1)
		const accounts = 300
		w.accounts(accounts)
		w.account.before = func(context.Context, *collect.Task, int) error {
			return &collect.Denied{Reason: strings.Repeat("The rôle is not what it was. ", 80)}
		}
		m := w.due()
		w.do(m)
		r := w.run(m)
		require.Equal(t, collect.Failed, r.Status)
		require.Len(t, r.Connections, accounts)
		for _, p := range r.Connections {
			require.Equal(t, collect.AccessDeny, p.Status)
			require.Contains(t, p.Reason, "rôle")
		}
		requireFits(t, r)
	})
}

func requireFits(t *testing.T, r collect.Run) {
	b, err := json.Marshal(r)
	require.NoError(t, err)
	require.Less(t, len(b), 300<<10)
}

package collect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
)

// changes a connection as a member does while a step waits for AWS.
func (t *tester) changes(change func(*connection.Connection)) {
	c, version, err := connection.Read(t.Context(), t.handle, t.con.ID)
	require.NoError(t, err)
	change(&c)
	require.NoError(t, t.handle.Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.VersionIs(version)}))
}

// mend gives the connection a role that was verified.
func (t *tester) mend() {
	t.changes(func(c *connection.Connection) {
		now := t.app.Now()
		c.RoleARN, c.Status, c.VerifiedAt = "arn:aws:iam::111122223333:role/tenantry/new", connection.Connected, &now
	})
}

func TestAConnectionThatChangesWhileItIsRead(t *testing.T) {
	t.Run("is not broken by a denial of the role that it had", func(t *testing.T) {
		w := newTester(t, 1)
		w.account.before = func(_ context.Context, task *collect.Task, _ int) error {
			if task.Connection.RoleARN == "" {
				w.mend()
				return &collect.Denied{Reason: "The role cannot be taken."}
			}
			return nil
		}
		m := w.due()
		w.do(m)
		c := w.now(w.con.ID)
		require.Equal(t, connection.Connected, c.Status)
		require.Empty(t, c.Reason)
		require.Equal(t, collect.Succeeded, w.run(m).Status, "it is read with the new role")
		require.Equal(t, 2, w.account.calls())
		require.EqualValues(t, 1, w.shown(c.ID, m.Slot))
	})
	t.Run("is not broken for a run that was cancelled", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.due()
		cancel := cancelAt(w, m, 0)
		w.account.before = func(ctx context.Context, task *collect.Task, n int) error {
			require.NoError(t, cancel(ctx, task, n))
			return denied(ctx, task, n)
		}
		_ = w.app.Collect.Handle(t.Context(), m)
		require.Equal(t, collect.Cancelled, w.run(m).Status)
		require.Equal(t, connection.Connected, w.now(w.con.ID).Status)
	})
	t.Run("is read again with the role that it has by then, and counted once", func(t *testing.T) {
		w := newTester(t, 2)
		w.account.before = func(_ context.Context, task *collect.Task, page int) error {
			if task.Connection.RoleARN == "" && page == 1 {
				w.mend()
			}
			return nil
		}
		m := w.due()
		w.do(m)
		r := w.run(m)
		require.Equal(t, collect.Succeeded, r.Status)
		require.Equal(t, map[string]int64{"things": 20}, r.Counts)
		require.EqualValues(t, 3, r.Pages, "what was asked for is said")
		require.EqualValues(t, 1, w.shown(w.con.ID, m.Slot))
	})
	t.Run("goes on where only its name was changed", func(t *testing.T) {
		w := newTester(t, 1)
		w.account.before = func(context.Context, *collect.Task, int) error {
			w.changes(func(c *connection.Connection) { c.Name = "another" })
			return nil
		}
		m := w.due()
		w.do(m)
		require.Equal(t, 1, w.account.calls())
		require.EqualValues(t, 1, w.shown(w.con.ID, m.Slot))
	})
}

func TestAConnectionThatIsDeletedWhileItIsRead(t *testing.T) {
	t.Run("shows nothing of what was read until it was deleted", func(t *testing.T) {
		w := newTester(t, 1)
		w.account.before = func(context.Context, *collect.Task, int) error {
			w.alice().Do(t, "DELETE", w.app.Alice.Path("/connections/"+string(w.con.ID)), nil)
			return nil
		}
		m := w.due()
		w.do(m)
		require.Zero(t, w.now(w.con.ID).ID)
		require.Zero(t, w.shown(w.con.ID, m.Slot))
		require.Equal(t, collect.Left, w.run(m).Connections[0].Status)
	})
	t.Run("lets nothing be written under its guard when it was deleted", func(t *testing.T) {
		w := newTester(t, 1)
		w.account.before = func(ctx context.Context, task *collect.Task, _ int) error {
			w.alice().Do(t, "DELETE", w.app.Alice.Path("/connections/"+string(w.con.ID)), nil)
			err := w.handle.Write(ctx, append(task.Guard(), store.Change{Key: visible("con_x", task.Slot), Value: struct{ Page int }{1}})...)
			require.NotNil(t, store.Conflicted(err))
			return err
		}
		m := w.due()
		_ = w.app.Collect.Handle(t.Context(), m)
		require.Zero(t, w.shown("con_x", m.Slot))
	})
}

package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
)

func TestMeter(t *testing.T) {
	t.Run("adds up by table, from many at once", func(t *testing.T) {
		ctx, meter := store.WithMeter(context.Background())
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				store.Report(ctx, store.CostTable, store.Use{Read: 1, Calls: 1, Items: 2})
				store.Report(ctx, store.CoreTable, store.Use{Write: 3, Calls: 1})
			})
		}
		wg.Wait()
		require.Equal(t, store.Use{Read: 50, Calls: 50, Items: 100}, meter.Of(store.CostTable))
		require.Equal(t, store.Use{Write: 150, Calls: 50}, meter.Of(store.CoreTable))
		require.Zero(t, meter.Of(store.AuditTable))
		require.Equal(t, store.Use{Read: 50, Write: 150, Calls: 100, Items: 100}, meter.Total())
	})
	t.Run("no meter, no report", func(t *testing.T) {
		store.Report(context.Background(), store.CostTable, store.Use{Read: 1})
	})
}

func TestConditionError(t *testing.T) {
	require.Nil(t, store.Conflicted(nil))
	require.Nil(t, store.Conflicted(store.ErrThrottled))
	require.EqualError(t, &store.ConditionError{Failed: []int{1, 3}}, "conditions of operations [1 3] do not hold")
	require.EqualError(t, &store.ConditionError{Contended: true}, "another transaction is under way")
	require.Equal(t, store.Absent, store.VersionIs(0))
}

package generation_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestPartsHoldAllThingsInOrderAndNoneTooMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, most := rapid.SliceOf(rapid.Int()).Draw(t, "things"), rapid.IntRange(1, 5).Draw(t, "most")
		parts, err := generation.Split(all, func(some []int) (packed.Item, bool, error) {
			item, err := packed.Of(some)
			return item, len(some) > most, err
		})
		require.NoError(t, err)
		var got []int
		for _, p := range parts {
			var some []int
			require.NoError(t, p.Into(&some))
			require.NotEmpty(t, some)
			require.LessOrEqual(t, len(some), most)
			got = append(got, some...)
		}
		require.Equal(t, fmt.Sprint(all), fmt.Sprint(got))
	})
}

func TestAThingThatNoItemHoldsIsRefused(t *testing.T) {
	noise := make([]byte, 500<<10)
	_, err := rand.Read(noise)
	require.NoError(t, err)
	_, err = generation.Split([][]byte{{1}, noise}, func(some [][]byte) (packed.Item, bool, error) {
		item, err := packed.Of(some)
		return item, false, err
	})
	require.ErrorContains(t, err, "more than an item holds")
}

func TestTry(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	moved := fmt.Errorf("a part: %w", generation.ErrMoved)
	other := errors.New("another")
	for name, c := range map[string]struct {
		ctx   context.Context
		says  []error // and from then on the last
		want  error
		calls int
	}{
		"what succeeds is done once":           {t.Context(), []error{nil}, nil, 1},
		"what has moved is read again":         {t.Context(), []error{moved, moved, nil}, nil, 3},
		"another error is none to try again":   {t.Context(), []error{moved, other}, other, 2},
		"what always moves is given up":        {t.Context(), []error{moved}, generation.ErrMoved, 5},
		"nobody waits whose time has run out":  {over, []error{moved, nil}, context.Canceled, 1},
		"success counts although time is over": {over, []error{nil}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			err := generation.Try(c.ctx, func() error {
				calls++
				return c.says[min(calls, len(c.says))-1]
			})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.calls, calls)
		})
	}
}

func TestWhatWasPutAsideWaitsForItsTimeAndNoLonger(t *testing.T) {
	clock := storetest.NewClock()
	engine, err := bolt.Open(t.TempDir()+"/store", bolt.Options{Clock: clock.Now, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	scope, err := tenant.Work(storetest.Tenant, "test")
	require.NoError(t, err)
	h, err := store.New(engine).Tenant(scope)
	require.NoError(t, err)
	shelf := generation.Shelf[int]{Keeper: generation.Keeper{Clock: clock.Now, Random: rand.Reader}, Left: time.Hour, Most: 2,
		Key: func(name string) store.Key { return store.Reading("a", name) }, All: store.Readings("a")}

	names, err := shelf.Stage(t.Context(), h, []int{1, 2, 3, 4, 5})
	require.NoError(t, err)
	require.Len(t, names, 3)
	clock.Advance(time.Hour)
	young, err := shelf.Stage(t.Context(), h, []int{6})
	require.NoError(t, err)
	require.NoError(t, shelf.Sweep(t.Context(), h))
	all, err := shelf.Staged(t.Context(), h, append(names, young...))
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3, 4, 5, 6}, all)

	clock.Advance(time.Second)
	require.NoError(t, shelf.Sweep(t.Context(), h))
	_, err = shelf.Staged(t.Context(), h, names[:1])
	require.ErrorContains(t, err, "taken away")
	all, err = shelf.Staged(t.Context(), h, young)
	require.NoError(t, err)
	require.Equal(t, []int{6}, all)
	require.NoError(t, shelf.Clear(t.Context(), h, young))
	_, err = shelf.Staged(t.Context(), h, young)
	require.ErrorContains(t, err, "taken away")
	none, err := shelf.Stage(t.Context(), h, nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

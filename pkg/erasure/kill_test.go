package erasure_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/erasure"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// faults are the ways in which a call of a method can be the last of a worker's life.
func faults(m storetest.Method) []storetest.Fault {
	switch m {
	case storetest.Get, storetest.Query:
		return []storetest.Fault{storetest.NotWritten}
	case storetest.Load:
		return []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Partly}
	}
	return []storetest.Fault{storetest.NotWritten, storetest.Written}
}

// One after the other, every call of the store that an erasure makes is the last one of its worker's life, in every way: an
// erasure of another tenant each time, undisturbed until then. Nothing that the worker calls from there on reaches the store, and
// another worker brings it to its end.
func TestAnErasureThatIsKilledAtEachOfItsCalls(t *testing.T) {
	calls := killed(t, 0, storetest.None)
	require.Greater(t, len(calls), 100)
	for i, m := range calls {
		for _, last := range faults(m) {
			t.Run(fmt.Sprintf("call %d of %d, %s, fault %d", i+1, len(calls), m, last), func(t *testing.T) {
				require.Equal(t, m, killed(t, i+1, last)[i])
			})
		}
	}
}

// killed erases a tenant with a kill at the n-th call, none where 0, and gives the calls until the worker's end.
func killed(t *testing.T, n int, last storetest.Fault) (calls []storetest.Method) {
	a := apptest.New(t)
	deleted(t, a)
	_, others := about(t, a, a.Alice.Tenant)
	a.Advance(apptest.Grace)
	a.Faults.Plan(func(m storetest.Method, _ int) storetest.Fault {
		calls = append(calls, m)
		switch {
		case n > 0 && len(calls) == n:
			return last
		case n > 0 && len(calls) > n:
			return storetest.NotWritten
		}
		return storetest.None
	})
	for done := false; !done; {
		round(t, a)
		if done = len(calls) >= n; n == 0 {
			made := len(calls)
			done = entries(t, a) == 0
			calls = calls[:made] // without the look at the list
		}
		a.Advance(31 * time.Minute) // leases end, and what is quiet
	}
	a.Faults.Plan(nil)
	a.Replace()
	erase(t, a)
	requireErased(t, a, others)
	requireProof(t, a)
	return calls
}

// requireProof checks that the owner, and nobody else, has the proof that nothing is left.
func requireProof(t testing.TB, a *apptest.App) {
	var proofs route.Page[erasure.Proof]
	a.As(t, "alice").Get(t, "/v1/me/erasures").Is(t, 200).Into(t, &proofs)
	require.Len(t, proofs.Items, 1)
	require.Equal(t, a.Alice.Tenant, proofs.Items[0].TenantID)
	require.Zero(t, proofs.Items[0].Left)
	require.NotNil(t, proofs.Items[0].CheckedAt)
	a.As(t, "bob").Get(t, "/v1/me/erasures").Is(t, 200).Into(t, &proofs)
	require.Empty(t, proofs.Items)
}

// What of the list cannot be read stands before all others, and is told; they are erased all the same.
func TestAnEntryThatCannotBeReadKeepsNoOtherWaiting(t *testing.T) {
	a := apptest.New(t)
	deleted(t, a)
	require.NoError(t, a.Store.Directory().Write(t.Context(), store.DirectoryChange{Key: store.Erasure(a.Now(), "ten_01J00000000000000000000000"), Value: map[string]any{"tenant": 7}}))
	a.Advance(apptest.Grace)
	require.ErrorContains(t, a.Jobs.Handle(t.Context(), job.Message{Kind: erasure.Due}), "read what is to be erased")
	sent := slices.DeleteFunc(a.PendingJobs(), func(m job.Message) bool { return m.Kind != erasure.Kind })
	require.Len(t, sent, 1)
	require.Equal(t, a.Alice.Tenant, sent[0].Tenant)
}

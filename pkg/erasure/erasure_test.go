// Package erasure_test erases tenants that have some of everything, and looks at all that the engines and the folder hold.
package erasure_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/erasure"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

const header = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass,ChargeDescription,InvoiceIssuerName,PricingQuantity,PricingUnit,ProviderName,PublisherName,ServiceCategory,ServiceName,SubAccountId,RegionId,SkuId,ResourceId,Tags\n"

// costs is a file of one line a month, of January and February 2026.
func costs() string {
	var b strings.Builder
	b.WriteString(header)
	for m := 1; m <= 2; m++ {
		fmt.Fprintf(&b, "1,1,1,1,111,Payer,USD,2026-%02d-01T00:00:00Z,2026-%02d-01T00:00:00Z,2026-%02d-03T00:00:00Z,2026-%02d-04T00:00:00Z,Usage,,hours,AWS,1,Hours,AWS,AWS,Compute,EC2,222,eu-west-1,sku,i-1,{}\n", m, m+1, m, m)
	}
	return b.String()
}

// upload sends a file to an address.
func upload(t testing.TB, a *apptest.App, address, file string) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, a.URL+address, strings.NewReader(file))
	require.NoError(t, err)
	return a.With("").Send(t, r).Status
}

// announced makes an import of the home's project, and gives where its file goes.
func announced(t testing.TB, h *apptest.Home) string {
	var made struct{ UploadURL string }
	h.Do(t, "POST", h.Path("/projects/"+string(h.Project)+"/imports"), body{"format": "csv", "sizeBytes": len(costs())}).Is(t, 201).Into(t, &made)
	return made.UploadURL
}

// fill gives a tenant some of everything.
func fill(t testing.TB, a *apptest.App, h *apptest.Home) {
	require.Less(t, upload(t, a, announced(t, h), costs()), 300)
	a.Work(t)
	h.Do(t, "PUT", h.Path("/tag-keys"), body{"keys": []string{"team"}}).Is(t, 200)
	for i := range 3 {
		key := fmt.Sprint("Idempotency-Key: k", i)
		h.Do(t, "POST", h.Path("/projects"), body{"name": fmt.Sprint("more ", i), "environment": "test"}, key).Is(t, 201)
		h.Do(t, "POST", h.Path("/invitations"), body{"role": "viewer"}, key).Is(t, 201)
		h.Do(t, "POST", h.Path("/api-keys"), body{"name": fmt.Sprint("key ", i), "role": "viewer"}, key).Is(t, 201)
	}
	account := map[*apptest.Home]string{a.Alice: "111122223333", a.Bob: "444455556666"}[h]
	var c struct{ ID, ExternalID string }
	h.Do(t, "POST", h.Path("/connections"), body{"name": "payer", "accountId": account}, "Idempotency-Key: k").Is(t, 201).Into(t, &c)
	arn := a.Clouds.Role(t, account, "r", customertest.Trust(customertest.Platform, c.ExternalID))
	h.Do(t, "PATCH", h.Path("/connections/"+c.ID), body{"roleArn": arn}).Is(t, 200)
	h.Get(t, h.Path("/connections/"+c.ID+"/setup")).Is(t, 200)
	var issued struct{ Key string }
	h.Do(t, "POST", h.Path("/api-keys"), body{"name": "used", "role": "viewer"}).Is(t, 201).Into(t, &issued)
	a.With(issued.Key).Get(t, h.Path("/projects")).Is(t, 200)
	h.Do(t, "POST", h.Path("/exports"), nil).Is(t, 202)
	a.WorkJobs(t)
	a.Join(t, h.Tenant, "carol", tenant.Admin).Do(t, "DELETE", h.Path("?name=x"), nil).Is(t, 403) // a refusal has its row
	a.Meter.Flush(t.Context())
	scope, err := tenant.Work(h.Tenant, "test")
	require.NoError(t, err)
	handle, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, handle.Write(t.Context(), job.New(job.Message{Kind: "export", ID: "exp_none"}, a.Now())))
}

// deleted has an app whose Alice has asked for the end of her tenant, and Bob not.
func deleted(t testing.TB, a *apptest.App) {
	for _, h := range []*apptest.Home{a.Bob, a.Alice} {
		a.Advance(time.Second)
		fill(t, a, h)
	}
	a.Alice.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil).Is(t, 202)
	a.WorkJobs(t)
}

// entries counts what the list of what is due has.
func entries(t testing.TB, a *apptest.App) int {
	page, err := a.Store.Directory().Query(t.Context(), store.Erasures(a.Now().Add(1000*time.Hour)), store.List{Consistency: store.Strongly})
	require.NoError(t, err)
	return len(page.Records)
}

// round has what is due be done, once; messages whose job fails come again.
func round(t testing.TB, a *apptest.App) {
	_ = a.Jobs.Handle(t.Context(), job.Message{Kind: erasure.Due})
	for _, m := range a.PendingJobs() {
		got, ok := a.TakeJob()
		require.True(t, ok)
		require.Equal(t, m, got)
		_ = a.Jobs.Handle(t.Context(), m)
	}
}

// erase goes on until nothing is due any more.
func erase(t testing.TB, a *apptest.App) {
	for range 500 {
		round(t, a)
		if entries(t, a) == 0 {
			return
		}
		a.Advance(31 * time.Minute)
	}
	require.Fail(t, "the erasure never comes to its end")
}

// about splits what the platform holds into what names the tenant and all else.
func about(t testing.TB, a *apptest.App, id tenant.ID) (its, others map[string]string) {
	its, others = map[string]string{}, map[string]string{}
	for name, bytes := range a.Holdings(t) {
		if strings.Contains(name, string(id)) || strings.Contains(bytes, string(id)) {
			its[name] = bytes
		} else {
			others[name] = bytes
		}
	}
	return its, others
}

// requireErased checks that nothing names Alice's tenant but the proof that its owner has, and that all else is as it was.
func requireErased(t testing.TB, a *apptest.App, before map[string]string) {
	its, others := about(t, a, a.Alice.Tenant)
	require.Len(t, its, 1)
	for name := range its {
		require.Contains(t, name, "ERASED#"+string(a.Alice.Tenant))
	}
	requireSame(t, a, before, others)
	schedules := map[tenant.ID]int{}
	names, _, err := a.Schedules.Names(t.Context(), "")
	require.NoError(t, err)
	for _, n := range names {
		schedules[n.Tenant]++
	}
	require.Zero(t, schedules[a.Alice.Tenant])
	require.Zero(t, schedules[a.Bob.Tenant]%15, "all of his four projects and unassigned, where he has some")
}

// requireSame compares items byte for byte. What has expired may have gone: the embedded engine sweeps.
func requireSame(t testing.TB, a *apptest.App, before, after map[string]string) {
	for name := range after {
		require.Contains(t, before, name)
	}
	for name, bytes := range before {
		if at := expiry(bytes); after[name] != "" || at == 0 || at > a.Now().Unix() {
			require.Equal(t, bytes, after[name], name)
		}
	}
}

// expiry of an item as the embedded engine has it, in seconds; 0 of one that does not expire. Of others it is far off.
func expiry(bytes string) int64 {
	if len(bytes) < 16 {
		return 0
	}
	return int64(binary.BigEndian.Uint64([]byte(bytes)[8:]) &^ (1 << 63))
}

// on runs a test on both engines.
func on(t *testing.T, test func(t *testing.T, a *apptest.App)) {
	t.Run("bolt", func(t *testing.T) { test(t, apptest.New(t)) })
	t.Run("DynamoDB", func(t *testing.T) { test(t, apptest.On(t, apptest.DynamoDB)) })
}

func TestATenantIsErased(t *testing.T) {
	on(t, func(t *testing.T, a *apptest.App) {
		deleted(t, a)
		never := a.Alice.Get(t, "/v1/tenants/ten_01J00000000000000000000000").Is(t, 404).Body
		_, others := about(t, a, a.Alice.Tenant)
		round(t, a)
		a.Alice.Get(t, a.Alice.Path("")).Is(t, 200)
		a.Advance(apptest.Grace - time.Second)
		round(t, a)
		require.Equal(t, 1, entries(t, a), "not before the time of grace is over")

		a.Advance(time.Second)
		a.Alice.Client = a.As(t, "alice")
		a.Alice.Get(t, a.Alice.Path("")).Is(t, 200)
		round(t, a)
		a.Alice.Do(t, "POST", a.Alice.Path("/restore"), nil).Is(t, 404)
		var proofs route.Page[erasure.Proof]
		a.Alice.Get(t, "/v1/me/erasures").Is(t, 200).Into(t, &proofs)
		require.Len(t, proofs.Items, 1, "what is under way can be seen")
		require.Equal(t, erasure.Proof{TenantID: a.Alice.Tenant, Status: erasure.Erasing, TenantName: "alice's", EndedAt: a.Now(),
			DeletedBy: &audit.Actor{Issuer: a.URL, Subject: "alice"}, Statement: proofs.Items[0].Statement}, proofs.Items[0])
		a.As(t, "bob").Get(t, "/v1/me/erasures").Is(t, 200).Into(t, &proofs)
		require.Empty(t, proofs.Items)
		require.Equal(t, string(never), string(a.Alice.Get(t, a.Alice.Path("")).Is(t, 404).Body), "from the beginning of the erasure on")
		erase(t, a)
		requireErased(t, a, others)

		a.Alice.Client = a.As(t, "alice")
		require.Equal(t, string(never), string(a.Alice.Get(t, a.Alice.Path("")).Is(t, 404).Body))
		a.Alice.Get(t, "/v1/me/erasures").Is(t, 200).Into(t, &proofs)
		require.Len(t, proofs.Items, 1)
		p := proofs.Items[0]
		require.Equal(t, a.Alice.Tenant, p.TenantID)
		require.Zero(t, p.Left)
		require.Positive(t, min(p.Removed.Directory, p.Removed.Core, p.Removed.Cost, p.Removed.Audit, p.Removed.Files, p.Removed.Schedules))
		require.Equal(t, erasure.Erased, p.Status)
		require.Empty(t, p.TenantName)
		require.Nil(t, p.DeletedBy)
		require.Nil(t, p.RecoverableUntil, "nothing here has a backup")
		require.NotContains(t, p.Statement, "point-in-time")
		require.True(t, p.CheckedAt.After(*p.ErasedAt))
		require.Contains(t, a.Log.String(), `"left":{`, "the line of the proof is JSON")
		for _, other := range []*apptest.Client{a.As(t, "bob"), a.As(t, "carol")} {
			other.Get(t, "/v1/me/erasures").Is(t, 200).Into(t, &proofs)
			require.Empty(t, proofs.Items)
		}
	})
}

// Every life of the worker ends at a later call of the store than the one before, with all calls from there on failing: written
// or not, as a kill leaves it.
func TestAnErasureThatIsKilledAgainAndAgain(t *testing.T) {
	for _, last := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Partly} {
		t.Run(fmt.Sprint("fault ", last), func(t *testing.T) {
			on(t, func(t *testing.T, a *apptest.App) {
				deleted(t, a)
				_, others := about(t, a, a.Alice.Tenant)
				a.Advance(apptest.Grace)
				life := 1
				for ; entries(t, a) > 0; life++ {
					require.Less(t, life, 500)
					calls := 0
					a.Faults.Plan(func(storetest.Method, int) storetest.Fault {
						switch calls++; {
						case calls == life:
							return last
						case calls > life:
							return storetest.NotWritten
						}
						return storetest.None
					})
					round(t, a)
					a.Faults.Plan(nil)
					a.Advance(61 * time.Minute) // leases end, and what is quiet
				}
				requireErased(t, a, others)
				require.Greater(t, life, 15, "so often it was killed")
			})
		})
	}
}

func TestARestoredTenantIsNotErased(t *testing.T) {
	a := apptest.New(t)
	deleted(t, a)
	a.Alice.Do(t, "POST", a.Alice.Path("/restore"), nil).Is(t, 200)
	before, _ := about(t, a, a.Alice.Tenant)
	a.Advance(24 * time.Hour)
	a.Alice.Client = a.As(t, "alice")
	a.Alice.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil).Is(t, 202)
	a.Advance(apptest.Grace - time.Hour)
	require.Equal(t, 1, entries(t, a), "restoring took the first away")
	round(t, a)
	require.Equal(t, 1, entries(t, a), "it is not due yet")
	a.Alice.Client = a.As(t, "alice")
	a.Alice.Do(t, "POST", a.Alice.Path("/restore"), nil).Is(t, 200)
	require.Zero(t, entries(t, a))
	a.Advance(2 * apptest.Grace)
	erase(t, a)
	after, _ := about(t, a, a.Alice.Tenant)
	for name, bytes := range before {
		gone := after[name] == ""
		require.True(t, !gone || strings.Contains(name, "ERASURE") || expiry(bytes) > 0 && expiry(bytes) <= a.Now().Unix(), name)
	}
	a.Alice.Client = a.As(t, "alice")
	a.Alice.Get(t, a.Alice.Path("")).Is(t, 200)
}

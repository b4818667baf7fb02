package connection_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const abc, xyz tenant.ID = "ten_01J00000000000000000000ABC", "ten_01J00000000000000000000XYZ"

// open gives handles of two tenants on one store.
func open(t *testing.T) (a, b *store.Tenant) {
	e, err := bolt.Open(t.TempDir()+"/store", bolt.Options{Clock: time.Now, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	s := store.New(e)
	for id, h := range map[tenant.ID]**store.Tenant{abc: &a, xyz: &b} {
		scope, err := tenant.Work(id, "test")
		require.NoError(t, err)
		*h, err = s.Tenant(scope)
		require.NoError(t, err)
	}
	return a, b
}

func TestATenantsConnectionsAreListedOldestFirstAndNobodyElses(t *testing.T) {
	a, b := open(t)
	since := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	one := connection.Connection{ID: "con_01J00000000000000000000001", Name: "payer", AccountID: "111122223333", Kind: connection.Payer,
		Partition: "aws", ExternalID: "x", RoleARN: "arn:aws:iam::111122223333:role/r", Regions: []string{"eu-west-1"}, Status: connection.Broken,
		Reason: "denied", BrokenSince: &since, VerifiedAt: &since, CreatedAt: since, UpdatedAt: since}
	two := connection.Connection{ID: "con_01J00000000000000000000002", Profile: "default", CreatedAt: since, UpdatedAt: since}
	for _, c := range []connection.Connection{two, one} {
		require.NoError(t, a.Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.Absent}))
	}
	all, err := connection.List(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, []connection.Connection{one, two}, all)
	none, err := connection.List(t.Context(), b)
	require.NoError(t, err)
	require.Empty(t, none)

	read, version, err := connection.Read(t.Context(), a, one.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	require.Equal(t, one, read)
	_, version, err = connection.Read(t.Context(), b, one.ID)
	require.NoError(t, err)
	require.Zero(t, version)
}

// withoutVerifier is a server on which accounts cannot be connected.
func withoutVerifier(d *api.Deps) { d.Verifier, d.Principal = nil, "" }

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// accountsOf takes roles of the accounts.
func accountsOf(t testing.TB, c *customertest.Clouds) *aws.Accounts {
	accounts, err := aws.NewAccounts(func() (sdk.Config, error) { return c.Config(), nil }, aws.Options{})
	require.NoError(t, err)
	return accounts
}

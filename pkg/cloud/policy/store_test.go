package policy_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
	"github.com/tenantry/tenantry/pkg/cloud/tenantrole"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	alpha tenant.ID = "ten_01J00000000000000000000000"
	beta  tenant.ID = "ten_01J00000000000000000000001"
)

// deployed is the platform's roles in an account, on tables of their own.
type deployed struct {
	*policytest.Account
	tables map[store.Table]string
	clock  func() time.Time
}

// deploy gives an account with the roles of the documents.
func deploy(t testing.TB, clock func() time.Time) *deployed {
	t.Helper()
	local := dynamolocal.Start(t)
	d := &deployed{
		Account: policytest.Start(t, *local.Options().BaseEndpoint, mototest.Start(t)), tables: dynamolocal.Tables(t, local), clock: clock,
	}
	r := resources
	r.Tables = map[store.Table]string{}
	for table, name := range d.tables {
		r.Tables[table] = policytest.Table(name)
	}
	functions := []string{policytest.Role("api"), policytest.Role("admin"), policytest.Role("ingest"), policytest.Role("collect")}
	d.Add(t, r.TenantRole, r.TenantData().JSON(), policy.Trust(functions...).JSON())
	d.Add(t, r.ErasureRole, r.TenantErasure().JSON(), policy.Trust(policytest.Role("jobs")).JSON())
	for name, its := range map[string]policy.Document{"api": r.API(), "admin": r.Admin(), "ingest": r.Ingest(), "collect": r.Collect(), "jobs": r.Jobs(), "reconcile": r.Reconcile()} {
		d.Add(t, policytest.Role(name), its.JSON(), nil)
	}
	return d
}

// engine gives one that calls as a function.
func (d *deployed) engine(function string) *dynamo.Engine {
	return dynamo.New(dynamodb.NewFromConfig(d.config(function)), dynamo.Options{Names: d.tables, Clock: d.clock})
}

// tenant gives one that calls as a function that has become a tenant.
func (d *deployed) tenant(t testing.TB, function, role string, id tenant.ID) *dynamo.Engine {
	r, err := tenantrole.New(sts.NewFromConfig(d.config(function)), tenantrole.Options{ARN: role})
	require.NoError(t, err)
	return d.engine(function).As(r.Of(id))
}

func (d *deployed) config(function string) aws.Config {
	c := mototest.Config(d.URL)
	c.Credentials = credentials.NewStaticCredentialsProvider(d.Key(policytest.Role(function), nil), "secret", "")
	return c
}

// TestSuite shows that the policy is enough: all that a store promises is kept under it.
func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Engine {
		d := deploy(t, clock)
		t.Cleanup(func() { require.Empty(t, d.Denied()) })
		return &within{Engine: d.tenant(t, "api", resources.TenantRole, storetest.Tenant), to: map[store.Address]store.Address{}, from: map[store.Address]store.Address{}}
	})
}

// within puts partitions of the suite that are no tenant's into those of its tenant, and tables that no tenant changes into
// those that it does.
type within struct {
	store.Engine
	mu       sync.Mutex
	to, from map[store.Address]store.Address // without sort keys
}

const own = "T#" + string(storetest.Tenant)

func (w *within) address(a store.Address) store.Address {
	if a.PK == "" || len(a.PK) > store.MaxPKBytes {
		return a // refused before any call
	}
	of := store.Address{Table: a.Table, PK: a.PK}
	w.mu.Lock()
	defer w.mu.Unlock()
	to, ok := w.to[of]
	if !ok {
		if to = of; to.PK != own {
			to.PK = own + "#" + to.PK
		}
		if table, ok := map[store.Table]store.Table{store.DirectoryTable: store.CoreTable, store.AuditTable: store.CostTable}[to.Table]; ok {
			to = store.Address{Table: table, PK: own + "#" + string(to.Table) + "#" + a.PK}
		}
		if len(to.PK) > store.MaxPKBytes { // a key that has no room for more gives up its end
			to.PK = strings.ToValidUTF8(to.PK[:store.MaxPKBytes], "")
		}
		w.to[of], w.from[to] = to, of
	}
	to.SK = a.SK
	return to
}

func (w *within) back(r *store.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sk := r.Address.SK
	r.Address = w.from[store.Address{Table: r.Address.Table, PK: r.Address.PK}]
	r.Address.SK = sk
}

func (w *within) ops(ops []store.Op) []store.Op {
	out := make([]store.Op, len(ops))
	for i, op := range ops {
		op.Address = w.address(op.Address)
		out[i] = op
	}
	return out
}

func (w *within) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	in := make([]store.Address, len(at))
	for i, a := range at {
		in[i] = w.address(a)
	}
	records, err := w.Engine.Get(ctx, in, c)
	done := map[*store.Record]bool{nil: true} // an address twice may be answered by one record
	for _, r := range records {
		if !done[r] {
			w.back(r)
			done[r] = true
		}
	}
	return records, err
}

func (w *within) Query(ctx context.Context, r store.Range) (store.Page, error) {
	at := w.address(store.Address{Table: r.Table, PK: r.PK})
	r.Table, r.PK = at.Table, at.PK
	page, err := w.Engine.Query(ctx, r)
	for i := range page.Records {
		w.back(&page.Records[i])
	}
	return page, err
}

func (w *within) Write(ctx context.Context, ops []store.Op) error {
	return w.Engine.Write(ctx, w.ops(ops))
}

func (w *within) Load(ctx context.Context, ops []store.Op) error {
	return w.Engine.Load(ctx, w.ops(ops))
}

func (w *within) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	return w.Engine.Add(ctx, w.address(at), by, expires)
}

package policy_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
	"github.com/tenantry/tenantry/pkg/store"
)

type note struct {
	Text string `json:"text"`
}

func item(id any, table store.Table) store.Address {
	return store.Address{Table: table, PK: fmt.Sprint("T#", id), SK: "META"}
}

// attempts are all ways to an address that a store has; own is an address that may be reached.
func attempts(own, at store.Address) map[string]func(context.Context, store.Engine) error {
	put := func(at store.Address) store.Op { return store.Op{Address: at, Value: note{"written"}} }
	remove := store.Op{Action: store.Delete, Address: at}
	check := store.Op{Action: store.Check, Address: at, Condition: store.Present}
	write := func(ops ...store.Op) func(context.Context, store.Engine) error {
		return func(ctx context.Context, e store.Engine) error { return e.Write(ctx, ops) }
	}
	load := func(ops ...store.Op) func(context.Context, store.Engine) error {
		return func(ctx context.Context, e store.Engine) error { return e.Load(ctx, ops) }
	}
	get := func(at ...store.Address) func(context.Context, store.Engine) error {
		return func(ctx context.Context, e store.Engine) error {
			_, err := e.Get(ctx, at, store.Strongly)
			return err
		}
	}
	return map[string]func(context.Context, store.Engine) error{
		"get": get(at), "get with an own one": get(own, at),
		"query": func(ctx context.Context, e store.Engine) error {
			_, err := e.Query(ctx, store.Range{Table: at.Table, PK: at.PK, From: "A", To: "Z"})
			return err
		},
		"put": write(put(at)), "delete": write(remove), "check": write(check), "put with an own one": write(put(own), put(at)),
		"delete with an own one": write(put(own), remove), "check with an own one": write(put(own), check),
		"load": load(put(at)), "load with an own one": load(put(own), put(at)), "load a deletion": load(remove),
		"add": func(ctx context.Context, e store.Engine) error {
			_, err := e.Add(ctx, at, map[string]int64{"n": 1}, time.Time{})
			return err
		},
	}
}

// foreign are addresses that are not alpha's.
var foreign = map[string]store.Address{
	"another tenant's item":         item(beta, store.CoreTable),
	"another tenant's costs":        item(beta+"#P#prj", store.CostTable),
	"another tenant's audit log":    item(beta+"#A#2026-01", store.AuditTable),
	"an item whose key begins like": item(alpha+"0", store.CoreTable),
	"an item of no tenant":          item("", store.CoreTable),
	"the directory":                 {Table: store.DirectoryTable, PK: "ORG#" + string(beta), SK: "META"},
	"its own key in the directory":  item(alpha, store.DirectoryTable),
}

// layers is an account in which somebody may do anything, and what is foreign to alpha.
type layers struct {
	*deployed
	all store.Engine
}

func open(t *testing.T) *layers {
	d := deploy(t, time.Now)
	d.Add(t, policytest.Role("open"), []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}`), nil)
	l := &layers{d, d.engine("open")}
	for _, at := range foreign {
		require.NoError(t, l.all.Write(t.Context(), []store.Op{{Address: at, Value: note{"foreign"}}}))
	}
	return l
}

// untouched holds where what is foreign is as it was.
func (l *layers) untouched(t *testing.T) {
	for name, at := range foreign {
		r, err := l.all.Get(t.Context(), []store.Address{at}, store.Strongly)
		require.NoError(t, err)
		require.NotNil(t, r[0], name)
		var is note
		require.NoError(t, r[0].Value.Decode(&is))
		require.Equal(t, note{"foreign"}, is, name)
		require.Equal(t, int64(1), r[0].Version, name)
	}
}

// each makes every attempt on every address.
func each(t *testing.T, at map[string]store.Address, do func(t *testing.T, attempt func(context.Context, store.Engine) error)) {
	for where, address := range at {
		for how, attempt := range attempts(item(alpha, store.CoreTable), address) {
			t.Run(where+": "+how, func(t *testing.T) { do(t, attempt) })
		}
	}
}

// refused holds where every attempt on every address is denied.
func refused(t *testing.T, e store.Engine, at map[string]store.Address) {
	each(t, at, func(t *testing.T, attempt func(context.Context, store.Engine) error) {
		require.ErrorIs(t, attempt(t.Context(), e), store.ErrDenied)
	})
}

func TestEachLayerHoldsWithTheOthersOpen(t *testing.T) {
	alphas := map[string]store.Address{"its item": item(alpha+"#x", store.CoreTable), "its costs": item(alpha+"#P#p", store.CostTable)}
	t.Run("authorization bypassed and any right given: the guard refuses before any call", func(t *testing.T) {
		l := open(t)
		before := l.Calls("dynamodb")
		refused(t, store.Guard(l.all, alpha), foreign)
		require.Equal(t, before, l.Calls("dynamodb"))
		l.untouched(t)
	})
	for role, function := range map[string]string{resources.TenantRole: "api", resources.ErasureRole: "jobs"} {
		t.Run("the guard bypassed too: the policy of "+role+" refuses", func(t *testing.T) {
			l := open(t)
			refused(t, l.tenant(t, function, role, alpha), foreign)
			require.GreaterOrEqual(t, len(l.Denied()), len(foreign)*len(attempts(store.Address{}, store.Address{})))
			l.untouched(t)
		})
	}
	t.Run("another tenant's session under the guard: the policy refuses what is one's own", func(t *testing.T) {
		refused(t, store.Guard(open(t).tenant(t, "api", resources.TenantRole, beta), alpha), alphas)
	})
	t.Run("a function that has become nobody reaches no tenant's item", func(t *testing.T) {
		l := open(t)
		for _, function := range []string{"api", "admin", "ingest", "collect", "jobs"} {
			refused(t, l.engine(function), alphas)
		}
	})
	t.Run("with all of them open it is reached, so that the attempts are real", func(t *testing.T) {
		l := open(t)
		each(t, foreign, func(t *testing.T, attempt func(context.Context, store.Engine) error) {
			if err := attempt(t.Context(), l.all); store.Conflicted(err) == nil { // where a deletion came before a check
				require.NoError(t, err)
			}
		})
	})
	t.Run("and what is its own is reached through all of them", func(t *testing.T) {
		e := store.Guard(open(t).tenant(t, "api", resources.TenantRole, alpha), alpha)
		each(t, alphas, func(t *testing.T, attempt func(context.Context, store.Engine) error) {
			if err := attempt(t.Context(), e); store.Conflicted(err) == nil {
				require.NoError(t, err)
			}
		})
	})
}

func TestTheAuditLogIsOnlyAddedTo(t *testing.T) {
	d := deploy(t, time.Now)
	row := item(alpha+"#A#2026-01", store.AuditTable)
	own := item(alpha, store.CoreTable)
	allowed := map[string]bool{"get": true, "get with an own one": true, "query": true, "put": true, "put with an own one": true}
	e := store.Guard(d.tenant(t, "api", resources.TenantRole, alpha), alpha)
	erases := store.Guard(d.tenant(t, "jobs", resources.ErasureRole, alpha), alpha)
	require.NoError(t, e.Write(t.Context(), []store.Op{{Address: row, Value: note{}}}))
	for how, attempt := range attempts(own, row) {
		if err := attempt(t.Context(), e); allowed[how] {
			require.NoError(t, err, how)
		} else {
			require.ErrorIs(t, err, store.ErrDenied, how)
		}
	}
	for _, how := range []string{"put", "check", "delete", "load", "load a deletion"} {
		require.NoError(t, attempts(own, row)[how](t.Context(), erases), how)
	}
}

func TestTheDirectory(t *testing.T) {
	d := deploy(t, time.Now)
	member := store.Address{Table: store.DirectoryTable, PK: "SUB#issuer#subject", SK: string(alpha)}
	other := store.Address{Table: store.DirectoryTable, PK: "ORG#" + string(alpha), SK: "MEMBER#m"}
	row := item(alpha+"#A#2026-01", store.AuditTable)
	write := func(e store.Engine, at ...store.Address) error {
		var ops []store.Op
		for _, a := range at {
			ops = append(ops, store.Op{Address: a, Value: note{}})
		}
		return e.Write(t.Context(), ops)
	}
	t.Run("is the control plane's, with a row of the audit log in the same transaction", func(t *testing.T) {
		for _, function := range []string{"admin", "jobs"} {
			require.NoError(t, write(d.engine(function), member, other, row), function)
			require.ErrorIs(t, write(d.engine(function), member, item(alpha, store.AuditTable)), store.ErrDenied, "no row")
			require.ErrorIs(t, write(d.engine(function), member, item(alpha, store.CoreTable)), store.ErrDenied)
			_, err := d.engine(function).Query(t.Context(), store.Range{Table: row.Table, PK: row.PK, From: "A", To: "Z"})
			require.ErrorIs(t, err, store.ErrDenied, "rows are read as the tenant")
		}
	})
	t.Run("is read by api item by item, and who calls alone", func(t *testing.T) {
		api := d.engine("api")
		_, err := api.Get(t.Context(), []store.Address{member}, store.Strongly)
		require.NoError(t, err)
		_, err = api.Get(t.Context(), []store.Address{other}, store.Strongly)
		require.ErrorIs(t, err, store.ErrDenied)
		_, err = api.Query(t.Context(), store.Range{Table: member.Table, PK: member.PK, From: "A", To: "z"})
		require.ErrorIs(t, err, store.ErrDenied)
		require.ErrorIs(t, write(api, member), store.ErrDenied)
	})
	t.Run("is claims on accounts alone to reconcile, below a tenant", func(t *testing.T) {
		e := d.engine("reconcile")
		claim := store.Address{Table: store.DirectoryTable, PK: "CLAIMS#" + string(alpha), SK: "ACCT#111122223333"}
		_, err := e.Get(t.Context(), []store.Address{claim}, store.Strongly)
		require.NoError(t, err)
		for _, a := range []store.Address{other, member} {
			_, err = e.Get(t.Context(), []store.Address{a}, store.Strongly)
			require.ErrorIs(t, err, store.ErrDenied)
		}
		require.ErrorIs(t, write(e, claim), store.ErrDenied, "it gives up, and makes none")
	})
	t.Run("is nothing to ingest and collect", func(t *testing.T) {
		for _, function := range []string{"ingest", "collect"} {
			_, err := d.engine(function).Get(t.Context(), []store.Address{member}, store.Strongly)
			require.ErrorIs(t, err, store.ErrDenied)
		}
	})
}

func TestNobodyScans(t *testing.T) {
	d := deploy(t, time.Now)
	for _, function := range []string{"api", "admin", "ingest", "collect", "jobs", "reconcile"} {
		for _, table := range d.tables {
			_, err := dynamodb.NewFromConfig(d.config(function)).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
			require.ErrorContains(t, err, "AccessDenied")
		}
	}
	key := d.Key(resources.TenantRole, map[string]string{"tenant": string(alpha)})
	c := d.config("api")
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
	})
	client, table := dynamodb.NewFromConfig(c), d.tables[store.CoreTable]
	_, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	require.ErrorContains(t, err, "AccessDenied")
	_, err = client.ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{
		Statement:  aws.String(fmt.Sprintf(`SELECT * FROM %q WHERE pk = ?`, table)),
		Parameters: []types.AttributeValue{&types.AttributeValueMemberS{Value: "T#" + string(alpha)}},
	})
	require.ErrorContains(t, err, "AccessDenied")
	_, err = client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "T#" + string(alpha)}, "sk": &types.AttributeValueMemberS{Value: "META"}}})
	require.NoError(t, err, "the session is a real one")
}

func TestAFunctionBecomesATenantByTheRoleOfItsOwnAlone(t *testing.T) {
	d := deploy(t, time.Now)
	own := item(alpha, store.CoreTable)
	for function, role := range map[string]string{"api": resources.TenantRole, "admin": resources.TenantRole, "ingest": resources.TenantRole, "collect": resources.TenantRole,
		"jobs": resources.ErasureRole} {
		_, err := d.tenant(t, function, role, alpha).Get(t.Context(), []store.Address{own}, store.Strongly)
		require.NoError(t, err, function)
		other := map[string]string{resources.TenantRole: resources.ErasureRole, resources.ErasureRole: resources.TenantRole}[role]
		before := d.Calls("dynamodb")
		_, err = d.tenant(t, function, other, alpha).Get(t.Context(), []store.Address{own}, store.Strongly)
		require.ErrorContains(t, err, "access is denied", function)
		require.ErrorIs(t, err, store.ErrUnavailable, function)
		require.Equal(t, before, d.Calls("dynamodb"), "nothing stands in for the role")
	}
}

package store_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type named struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

func engine(t *testing.T) store.Engine {
	t.Helper()
	e, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func TestNoScopeOpensNothing(t *testing.T) {
	s := store.NewPerTenant(nil, func(tenant.ID) (store.Engine, error) {
		t.Error("an engine was asked for")
		return &recorder{}, nil
	})
	for name, scope := range map[string]*tenant.Scope{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			h, err := s.Tenant(scope)
			require.ErrorIs(t, err, store.ErrDenied)
			require.Nil(t, h)
		})
	}
}

func TestAnEngineThatCannotBeHadOpensNothing(t *testing.T) {
	cause := errors.New("no credentials")
	s := store.NewPerTenant(nil, func(id tenant.ID) (store.Engine, error) {
		require.Equal(t, abc, id)
		return nil, cause
	})
	scope, err := tenant.Work(abc, "test")
	require.NoError(t, err)
	h, err := s.Tenant(scope)
	require.ErrorIs(t, err, cause)
	require.Nil(t, h)
}

// One tenant's operations, whatever they are, change nothing that another sees.
func TestTenantsDoNotMeet(t *testing.T) {
	e := engine(t)
	keys := rapid.SampledFrom([]store.Key{store.Meta(), store.Project(web), store.Index(web, "service"), store.Index(tenant.Unassigned, "v")})
	rapid.Check(t, func(t *rapid.T) {
		a, b := tenants().Draw(t, "a"), tenants().Draw(t, "b")
		if a == b {
			return
		}
		ctx, key := t.Context(), keys.Draw(t, "key")
		mine, theirs := handle(t, e, a), handle(t, e, b)
		require.NoError(t, theirs.Load(ctx, []store.Change{{Key: key, Value: named{Name: "theirs"}}}))
		require.NoError(t, mine.Write(ctx, store.Change{Action: store.Delete, Key: key}))
		change := rapid.SampledFrom([]func() error{
			func() error {
				return mine.Write(ctx, store.Change{Key: key, Value: named{Name: "mine"}, Condition: store.Absent})
			},
			func() error { return mine.Load(ctx, []store.Change{{Key: key, Value: named{Name: "mine"}}}) },
			func() error {
				_, err := mine.Add(ctx, key, map[string]int64{"n": 1}, time.Time{})
				return err
			},
			func() error { return mine.Load(ctx, []store.Change{{Action: store.Delete, Key: key}}) },
		}).Draw(t, "change")
		require.NoError(t, change())
		var got named
		version, err := theirs.Read(ctx, key, &got)
		require.NoError(t, err)
		require.Equal(t, int64(1), version)
		require.Equal(t, named{Name: "theirs"}, got)
	})
}

func TestTenant(t *testing.T) {
	h, ctx := handle(t, engine(t), abc), t.Context()
	first, second := store.Project("prj_01J00000000000000000000001"), store.Project("prj_01J00000000000000000000002")
	var got named

	version, err := h.Read(ctx, first, &got)
	require.NoError(t, err)
	require.Zero(t, version)
	require.Zero(t, got)

	expires := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
	require.NoError(t, h.Write(ctx,
		store.Change{Key: first, Value: named{Name: "first"}, Condition: store.Absent, ExpiresAt: expires},
		store.Change{Key: second, Value: named{Name: "second"}},
		store.Change{Action: store.Check, Key: store.Meta(), Condition: store.Absent}))
	require.NotNil(t, store.Conflicted(h.Write(ctx, store.Change{Key: first, Value: named{}, Condition: store.Absent})))
	version, err = h.Read(ctx, first, &got)
	require.NoError(t, err)
	require.Equal(t, int64(1), version)
	require.Equal(t, "first", got.Name)

	records, err := h.Get(ctx, store.Eventually, second, store.Meta(), first)
	require.NoError(t, err)
	require.Nil(t, records[1])
	require.Equal(t, []string{second.Sort(), first.Sort()}, []string{records[0].Address.SK, records[2].Address.SK})
	require.Equal(t, expires, records[2].ExpiresAt)

	page, err := h.Query(ctx, store.Projects(), store.List{Reverse: true, Limit: 1, Consistency: store.Strongly})
	require.NoError(t, err)
	require.Equal(t, second.Sort(), page.Records[0].Address.SK)
	page, err = h.Query(ctx, store.Projects(), store.List{Reverse: true, After: page.Next})
	require.NoError(t, err)
	require.Equal(t, first.Sort(), page.Records[0].Address.SK)
	require.Empty(t, page.Next)
}

func TestDirectory(t *testing.T) {
	d, ctx := store.New(engine(t)).Directory(), t.Context()
	of := func(subject string, id tenant.ID) []store.DirectoryChange {
		return []store.DirectoryChange{
			{Key: store.SubjectTenant("https://issuer", subject, id), Value: named{Name: subject}, Condition: store.Absent},
			{Key: store.OrgMember(id, tenant.MemberIDOf(id, "https://issuer", subject)), Value: named{Name: subject}, Condition: store.Absent},
		}
	}
	require.NoError(t, d.Write(ctx, of("alice", abc)...))
	require.NoError(t, d.Write(ctx, of("alice", xyz)...))
	require.NoError(t, d.Write(ctx, of("alice#MEMBER", abc)...))
	require.NoError(t, d.Write(ctx, store.DirectoryChange{Key: store.SubjectIdempotency("https://issuer", "alice", "o", "k"), Value: named{}}))
	require.NotNil(t, store.Conflicted(d.Write(ctx, of("alice", abc)...)))

	var got named
	version, err := d.Read(ctx, store.SubjectTenant("https://issuer", "alice", abc), &got)
	require.NoError(t, err)
	require.Equal(t, int64(1), version)
	require.Equal(t, "alice", got.Name)
	version, err = d.Read(ctx, store.SubjectTenant("https://issuer", "bob", abc), &got)
	require.NoError(t, err)
	require.Zero(t, version)

	for span, want := range map[store.DirectorySpan]int{
		store.SubjectTenants("https://issuer", "alice"):        2,
		store.SubjectTenants("https://issuer", "alice#MEMBER"): 1,
		store.SubjectTenants("https://issuer", "bob"):          0,
		store.OrgMembers(abc):                                  2,
		store.OrgMembers(xyz):                                  1,
	} {
		page, err := d.Query(ctx, span, store.List{Consistency: store.Strongly})
		require.NoError(t, err)
		require.Len(t, page.Records, want)
	}
}

// The directory takes a row of the audit log into its transaction, of the scope's tenant, and nothing else of a tenant.
func TestWriteAudited(t *testing.T) {
	s, ctx := store.New(engine(t)), t.Context()
	scope, err := tenant.Work(abc, "test")
	require.NoError(t, err)
	row := store.Change{Key: store.AuditRow(ulid.MustNew(1_700_000_000_000, rand.Reader)), Value: named{Name: "joined"}, Condition: store.Absent}
	joins := store.DirectoryChange{Key: store.SubjectTenant("i", "alice", abc), Value: named{}, Condition: store.Absent}
	require.ErrorIs(t, s.Directory().WriteAudited(ctx, nil, row, joins), store.ErrDenied)
	require.ErrorIs(t, s.Directory().WriteAudited(ctx, scope, store.Change{Key: store.Meta(), Value: named{}}, joins), store.ErrDenied)
	require.NoError(t, s.Directory().WriteAudited(ctx, scope, row, joins))
	require.NotNil(t, store.Conflicted(s.Directory().WriteAudited(ctx, scope, row, store.DirectoryChange{Key: store.SubjectTenant("i", "bob", abc), Value: named{}})))
	version, err := s.Directory().Read(ctx, store.SubjectTenant("i", "bob", abc), &named{})
	require.NoError(t, err)
	require.Zero(t, version, "a row that is there already takes the change with it")
	h, err := s.Tenant(scope)
	require.NoError(t, err)
	at := time.UnixMilli(1_700_000_000_000)
	page, err := h.Query(ctx, store.AuditRows(calendar.MonthOf(at), at, at), store.List{})
	require.NoError(t, err)
	require.Len(t, page.Records, 1)
	page, err = h.Query(ctx, store.AuditRows(calendar.MonthOf(at), at.Add(time.Millisecond), at.Add(time.Hour)), store.List{})
	require.NoError(t, err)
	require.Empty(t, page.Records)
}

// No call of a handle changes a row of the audit log. What erasure takes away is asked for by a role of its own.
func TestNothingOverwritesARowOfTheAuditLog(t *testing.T) {
	s, ctx := store.New(engine(t)), t.Context()
	scope, err := tenant.Work(abc, "test")
	require.NoError(t, err)
	h, err := s.Tenant(scope)
	require.NoError(t, err)
	key := store.AuditRow(ulid.MustNew(1_700_000_000_000, rand.Reader))
	require.NoError(t, h.Write(ctx, store.Change{Key: key, Value: named{Name: "first"}, Condition: store.Absent}))
	for name, c := range map[string]store.Condition{"none": {}, "present": store.Present, "its version": store.VersionIs(1)} {
		over := store.Change{Key: key, Value: named{Name: "second"}, Condition: c}
		require.ErrorIs(t, h.Write(ctx, over), store.ErrDenied, name)
		require.ErrorIs(t, h.Write(ctx, store.Change{Key: store.Meta(), Value: named{}}, over), store.ErrDenied, name)
		require.ErrorIs(t, s.Directory().WriteAudited(ctx, scope, over), store.ErrDenied, name)
	}
	require.ErrorIs(t, h.Load(ctx, []store.Change{{Key: key, Value: named{Name: "second"}}}), store.ErrDenied)
	require.ErrorIs(t, s.Directory().WriteAudited(ctx, scope, store.Change{Action: store.Delete, Key: key}), store.ErrDenied)
	_, err = h.Add(ctx, key, map[string]int64{"n": 1}, time.Time{})
	require.ErrorIs(t, err, store.ErrDenied)
	require.NotNil(t, store.Conflicted(h.Write(ctx, store.Change{Key: key, Value: named{Name: "second"}, Condition: store.Absent})))
	var row named
	version, err := h.Read(ctx, key, &row)
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	require.Equal(t, "first", row.Name)
}

func TestErasuresThatAreDue(t *testing.T) {
	d, ctx, noon := store.New(engine(t)).Directory(), t.Context(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, id := range []tenant.ID{abc, xyz} {
		require.NoError(t, d.Write(ctx, store.DirectoryChange{Key: store.Erasure(noon.Add(time.Duration(i)*time.Hour), id), Value: named{Name: string(id)}}))
	}
	for by, want := range map[time.Time]int{noon.Add(-time.Second): 0, noon: 1, noon.Add(59 * time.Minute): 1, noon.Add(time.Hour): 2} {
		page, err := d.Query(ctx, store.Erasures(by), store.List{})
		require.NoError(t, err)
		require.Len(t, page.Records, want, by)
	}
}

// Whatever issuers and subjects are called, a membership is found by its own alone.
func TestDirectoryKeysDoNotCollide(t *testing.T) {
	name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a#%]{0,3}`))
	rapid.Check(t, func(t *rapid.T) {
		i, s, j, u := name.Draw(t, "i"), name.Draw(t, "s"), name.Draw(t, "j"), name.Draw(t, "u")
		same := i == j && s == u
		require.Equal(t, same, store.SubjectTenant(i, s, abc) == store.SubjectTenant(j, u, abc))
		require.Equal(t, same, store.OrgMember(abc, tenant.MemberIDOf(abc, i, s)) == store.OrgMember(abc, tenant.MemberIDOf(abc, j, u)))
		require.Equal(t, same, store.SubjectTenants(i, s) == store.SubjectTenants(j, u))
		require.Equal(t, same, store.SubjectIdempotency(i, s, "o", "k") == store.SubjectIdempotency(j, u, "o", "k"))
		require.NotEqual(t, store.SubjectTenant(i, s, abc), store.OrgMember(abc, tenant.MemberIDOf(abc, j, u)))
	})
}

package tenant_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// kinds are the sorts of IDs, each made and read as text.
var kinds = []struct {
	prefix string
	make   func(time.Time, *bytes.Reader) (string, error)
	parse  func(string) (string, error)
}{
	{"ten_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseID(s)
		return string(id), err
	}},
	{"prj_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewProjectID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseProjectID(s)
		return string(id), err
	}},
	{"imp_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewDeliveryID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseDeliveryID(s)
		return string(id), err
	}},
	{"key_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewKeyID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseKeyID(s)
		return string(id), err
	}},
	{"inv_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewInvitationID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseInvitationID(s)
		return string(id), err
	}},
	{"exp_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewExportID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseExportID(s)
		return string(id), err
	}},
	{"con_", func(now time.Time, r *bytes.Reader) (string, error) {
		id, err := tenant.NewConnectionID(now, r)
		return string(id), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseConnectionID(s)
		return string(id), err
	}},
	{"run_", func(now time.Time, r *bytes.Reader) (string, error) {
		_, err := ulid.New(ulid.Timestamp(now), r) // of times and randomness that no ID is made of there is nothing to test
		return string(tenant.RunIDOf("ten_01J00000000000000000000ABC", "prj_01J00000000000000000000WEB", "costs", now)), err
	}, func(s string) (string, error) {
		id, err := tenant.ParseRunID(s)
		return string(id), err
	}},
}

func TestIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 1<<48-1).Draw(t, "time")
		random := rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random")
		for i, kind := range kinds {
			id, err := kind.make(time.UnixMilli(ms), bytes.NewReader(random))
			require.NoError(t, err)
			require.Len(t, id, 30, "of one length, so that none is a prefix of another")
			require.True(t, strings.HasPrefix(id, kind.prefix))
			for j, other := range kinds {
				read, err := other.parse(id)
				require.Equal(t, i == j, err == nil)
				require.Equal(t, id, read)
			}
			later, err := kind.make(time.UnixMilli(ms+1), bytes.NewReader(make([]byte, 10)))
			require.True(t, err != nil || later > id, "they sort by time")
		}
	})
}

func TestARunHasOneIDThatNoOtherHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type run struct {
			tenant  tenant.ID
			project tenant.ProjectID
			kind    string
			slot    int64
		}
		drawn := rapid.Custom(func(t *rapid.T) run {
			return run{rapid.SampledFrom([]tenant.ID{"ten_01J00000000000000000000ABC", "ten_01J00000000000000000000XYZ"}).Draw(t, "tenant"),
				rapid.SampledFrom([]tenant.ProjectID{"prj_01J00000000000000000000WEB", tenant.Unassigned}).Draw(t, "project"),
				rapid.SampledFrom([]string{"costs", "metrics"}).Draw(t, "kind"), rapid.Int64Range(0, 4).Draw(t, "slot")}
		})
		a, b := drawn.Draw(t, "a"), drawn.Draw(t, "b")
		id := func(r run) tenant.RunID { return tenant.RunIDOf(r.tenant, r.project, r.kind, time.Unix(r.slot, 0)) }
		require.Equal(t, a == b, id(a) == id(b))
		require.Equal(t, a.slot, id(a).Slot().Unix())
	})
	require.Zero(t, tenant.RunID("run_x").Slot())
}

func TestIDsThatAreNone(t *testing.T) {
	const ulid = "01J00000000000000000000ABC"
	tests := map[string]string{
		"empty": "", "prefix alone": "@", "too short": "@" + ulid[1:], "too long": "@" + ulid + "0", "lower case": "@01j00000000000000000000abc",
		"overflow": "@8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "a letter ULIDs lack": "@01J00000000000000000000ABU", "no prefix": ulid,
		"capital prefix": "TEN_" + ulid, "a key after it": "@01J000000000000000000#P#x", "not ASCII": "@01J000000000000000000é00", "padded": " @" + ulid[1:],
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			for _, kind := range kinds {
				_, err := kind.parse(strings.Replace(text, "@", kind.prefix, 1))
				require.Error(t, err)
			}
		})
	}
}

func TestNoRandomnessNoID(t *testing.T) {
	for _, kind := range kinds {
		_, err := kind.make(time.Now(), bytes.NewReader(nil))
		require.Error(t, err)
	}
}

func TestUnassignedIsAProject(t *testing.T) {
	id, err := tenant.ParseProjectID("unassigned")
	require.NoError(t, err)
	require.Equal(t, tenant.Unassigned, id)
	_, err = tenant.ParseID("unassigned")
	require.Error(t, err)
}

var roles = []tenant.Role{tenant.Owner, tenant.Admin, tenant.Editor, tenant.Viewer}

func TestRoles(t *testing.T) {
	all := tenant.Owner.Permissions()
	require.NotEmpty(t, tenant.Viewer.Permissions())
	for i, role := range roles {
		read, err := tenant.ParseRole(string(role))
		require.NoError(t, err)
		require.Equal(t, role, read)
		for _, p := range all {
			require.Equal(t, role.May(p), contains(role.Permissions(), p))
			for _, below := range roles[i:] {
				require.False(t, below.May(p) && !role.May(p), "%s may %s, which %s may not", below, p, role)
			}
			require.False(t, role == tenant.Viewer && role.May(p) && p.Changes(), "a viewer changes nothing")
		}
	}
	for _, none := range []tenant.Role{"", "root", "OWNER"} {
		_, err := tenant.ParseRole(string(none))
		require.Error(t, err)
		require.Empty(t, none.Permissions())
		for _, p := range all {
			require.False(t, none.May(p))
		}
	}
	for _, role := range roles {
		require.False(t, role.May("tenant:rule"), "a permission that nobody has")
	}
}

func contains(all []tenant.Permission, p tenant.Permission) bool {
	for _, q := range all {
		if q == p {
			return true
		}
	}
	return false
}

var active = tenant.Standing{Status: tenant.Active, Plan: tenant.Team}

func TestAuthorize(t *testing.T) {
	id, err := tenant.NewID(time.Now(), rand.Reader)
	require.NoError(t, err)
	alice := tenant.Principal{Issuer: "https://issuer", Subject: "alice"}
	for _, role := range roles {
		for _, p := range tenant.Owner.Permissions() {
			scope, err := tenant.Authorize(alice, tenant.Membership{Tenant: id, Role: role}, active, p)
			if !role.May(p) {
				require.ErrorIs(t, err, tenant.ErrDenied)
				require.Nil(t, scope)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, id, scope.Tenant())
			require.Equal(t, alice, scope.Principal())
			require.Equal(t, role, scope.Role())
			require.False(t, scope.Limited())
			require.True(t, scope.Sees("any"))
			require.Equal(t, active, scope.Standing())
		}
	}
	for _, m := range []tenant.Membership{{}, {Tenant: id}, {Role: tenant.Owner}, {Tenant: "ten_short", Role: tenant.Owner}} {
		_, err := tenant.Authorize(alice, m, active, tenant.ReadTenant)
		require.ErrorIs(t, err, tenant.ErrDenied)
	}
}

func TestWhatRests(t *testing.T) {
	id, err := tenant.NewID(time.Now(), rand.Reader)
	require.NoError(t, err)
	m := tenant.Membership{Tenant: id, Role: tenant.Owner}
	for _, status := range []tenant.Status{tenant.Suspended, tenant.Deleting, "", "unknown"} {
		for _, p := range tenant.Owner.Permissions() {
			scope, err := tenant.Authorize(tenant.Principal{}, m, tenant.Standing{Status: status}, p)
			if strings.HasSuffix(string(p), ":write") {
				require.ErrorIs(t, err, tenant.ErrRests, "%s %s", status, p)
				require.Nil(t, scope)
			} else {
				require.NoError(t, err, "%s %s", status, p)
			}
		}
	}
	_, err = tenant.Authorize(tenant.Principal{}, tenant.Membership{Tenant: id, Role: tenant.Viewer}, tenant.Standing{Status: tenant.Suspended}, tenant.WriteProject)
	require.ErrorIs(t, err, tenant.ErrDenied, "what the role does not include is told first")
}

func TestCredentials(t *testing.T) {
	for want, p := range map[tenant.Credential]tenant.Principal{
		tenant.Token: {Issuer: "https://issuer", Subject: "a"}, tenant.APIKey: {Issuer: tenant.KeyIssuer, Subject: "key_"}, tenant.Platform: {Subject: "ingest"},
	} {
		require.Equal(t, want, p.Credential())
	}
}

func TestMemberIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z:/#]{0,8}`), 2, 2, rapid.ID).Draw(t, "texts")
		a := tenant.MemberIDOf("ten_a", texts[0], texts[1])
		parsed, err := tenant.ParseMemberID(string(a))
		require.NoError(t, err)
		require.Equal(t, a, parsed)
		require.Equal(t, a, tenant.MemberIDOf("ten_a", texts[0], texts[1]))
		require.NotEqual(t, a, tenant.MemberIDOf("ten_b", texts[0], texts[1]))
		require.NotEqual(t, a, tenant.MemberIDOf("ten_a", texts[1], texts[0]))
	})
}

func TestPlans(t *testing.T) {
	var before tenant.Limits
	for _, p := range []tenant.Plan{tenant.Free, tenant.Team, tenant.Enterprise} {
		read, err := tenant.ParsePlan(string(p))
		require.NoError(t, err)
		require.Equal(t, p, read)
		of := p.Limits()
		require.Greater(t, of.Projects, before.Projects)
		require.Greater(t, of.Members, before.Members)
		require.Greater(t, of.APIKeys, before.APIKeys)
		require.Greater(t, of.RequestsPerMinute, before.RequestsPerMinute)
		require.Greater(t, of.ImportsPerDay, before.ImportsPerDay)
		require.Greater(t, of.ImportBytesPerDay, before.ImportBytesPerDay)
		require.Greater(t, of.CollectionPagesPerMonth, before.CollectionPagesPerMonth)
		require.Greater(t, of.RetentionDays, before.RetentionDays)
		before = of
	}
	_, err := tenant.ParsePlan("gold")
	require.Error(t, err)
	require.Equal(t, tenant.Free.Limits(), tenant.Plan("gold").Limits(), "a plan that is none is the smallest")
}

func TestLimitedMembers(t *testing.T) {
	id, err := tenant.NewID(time.Now(), rand.Reader)
	require.NoError(t, err)
	projects := []tenant.ProjectID{"prj_a", "prj_b"}
	scope, err := tenant.Authorize(tenant.Principal{}, tenant.Membership{Tenant: id, Role: tenant.Viewer, Projects: projects}, active, tenant.ReadCost)
	require.NoError(t, err)
	projects[0] = "prj_c"
	require.True(t, scope.Limited())
	require.True(t, scope.Sees("prj_a"), "the scope keeps a copy")
	require.False(t, scope.Sees("prj_c"))
	require.False(t, scope.Sees(tenant.Unassigned))

	scope, err = tenant.Authorize(tenant.Principal{}, tenant.Membership{Tenant: id, Role: tenant.Viewer, Projects: []tenant.ProjectID{}}, active, tenant.ReadCost)
	require.NoError(t, err)
	require.True(t, scope.Limited())
	require.False(t, scope.Sees("prj_a"), "limited to none is not all")
}

func TestWorkersAndNobody(t *testing.T) {
	id, err := tenant.NewID(time.Now(), rand.Reader)
	require.NoError(t, err)
	scope, err := tenant.Work(id, "ingest")
	require.NoError(t, err)
	require.Equal(t, id, scope.Tenant())
	require.Equal(t, tenant.Principal{Subject: "ingest"}, scope.Principal())
	_, err = tenant.Work("ten_", "ingest")
	require.Error(t, err)

	for _, nobody := range []*tenant.Scope{nil, {}} {
		require.Empty(t, nobody.Tenant())
		require.False(t, nobody.Sees("prj_a"))
	}
}

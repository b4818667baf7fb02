package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func refused(t *testing.T, a *apptest.App) []audit.Row {
	return rows(t, a.As(t, "alice"), a.Alice, "outcome=refused")
}

func TestARefusedMemberIsRecorded(t *testing.T) {
	a := apptest.New(t)
	vera := a.Join(t, a.Alice.Tenant, "vera", tenant.Viewer)
	answer := vera.Do(t, "PATCH", a.Alice.Path("/projects/"+string(a.Alice.Project)), body{"name": "x"})
	answer.Fails(t, 403, "project:write")
	all := refused(t, a)
	require.Len(t, all, 1)
	require.Equal(t, audit.Row{
		ID: all[0].ID, At: a.Now(), Actor: audit.Actor{Issuer: a.URL, Subject: "vera"}, Credential: tenant.Token, Operation: "updateProject",
		Target: "project/" + string(a.Alice.Project), Outcome: audit.Refused, RequestID: answer.Header.Get("X-Request-Id"), Source: "127.0.0.1",
		Reason: "Your role viewer does not include project:write. Ask an owner or admin of the organization.",
	}, all[0])
}

func TestWhoIsNoMemberLeavesNoRow(t *testing.T) {
	a := apptest.New(t)
	for _, c := range []*apptest.Client{a.Bob.Client, a.With(""), a.With("bad")} {
		require.Contains(t, []int{401, 404}, c.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"}).Status)
	}
	require.Empty(t, refused(t, a))
	require.Empty(t, rows(t, a.Bob.Client, a.Bob, "outcome=refused"))
}

// A project that a limited member does not see answers as one that never was, and so does a delivery; the log knows.
func TestAHiddenProjectIsRecordedAndLooksAsNever(t *testing.T) {
	a := apptest.New(t)
	var other, imported struct {
		ID string `json:"id"`
	}
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "hidden", "environment": "test"}).Is(t, 201).Into(t, &other)
	a.Alice.Do(t, "POST", a.Alice.Path("/imports"), body{"format": "csv", "files": []body{{"sizeBytes": 1}}}).Is(t, 201).Into(t, &imported)
	lim := a.Join(t, a.Alice.Tenant, "lim", tenant.Editor, a.Alice.Project)
	const neverP, neverI = "prj_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "imp_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
	for _, c := range []struct{ method, hidden, never, target string }{
		{"GET", "/projects/" + other.ID, "/projects/" + neverP, "project/" + other.ID},
		{"POST", "/projects/" + other.ID + "/archive", "/projects/" + neverP + "/archive", "project/" + other.ID},
		{"GET", "/projects/" + other.ID + "/imports", "/projects/" + neverP + "/imports", "project/" + other.ID},
		{"GET", "/imports/" + imported.ID, "/imports/" + neverI, "import/" + imported.ID},
		{"POST", "/imports/" + imported.ID + "/close", "/imports/" + neverI + "/close", "import/" + imported.ID},
		{"GET", "/projects/" + other.ID + "/imports/" + imported.ID, "/projects/" + neverP + "/imports/" + neverI, "import/" + imported.ID},
	} {
		t.Run(c.method+" "+c.hidden, func(t *testing.T) {
			a.Advance(time.Minute)
			before := len(refused(t, a))
			hidden := lim.Do(t, c.method, a.Alice.Path(c.hidden), nil)
			hidden.Fails(t, 404, "")
			require.Equal(t, string(lim.Do(t, c.method, a.Alice.Path(c.never), nil).Is(t, 404).Body), string(hidden.Body))
			all := refused(t, a)
			require.Len(t, all, before+2, "both are recorded, so that the time they take tells nothing")
			targets := []string{all[0].Target, all[1].Target}
			require.Contains(t, targets, c.target)
			require.Contains(t, all[0].Reason, "limited to named projects")
		})
	}
	a.Advance(time.Minute)
	n := len(refused(t, a))
	a.As(t, "alice").Get(t, a.Alice.Path("/projects/"+neverP)).Fails(t, 404, "")
	lim.Get(t, a.Alice.Path("/projects/x")).Fails(t, 404, "")
	require.Len(t, refused(t, a), n, "what nobody is kept from is no refusal")
}

func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	a := apptest.New(t)
	vera, paul := a.Join(t, a.Alice.Tenant, "vera", tenant.Viewer), a.Join(t, a.Alice.Tenant, "paul", tenant.Viewer)
	for range 100 {
		vera.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"}).Fails(t, 403, "")
	}
	paul.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"}).Fails(t, 403, "")
	of := func(who string) (n, leftOut int) {
		for _, r := range refused(t, a) {
			if r.Actor.Subject == who {
				n, leftOut = n+1, leftOut+int(r.LeftOut)
			}
		}
		return n, leftOut
	}
	n, leftOut := of("vera")
	require.Equal(t, [2]int{13, 67}, [2]int{n, leftOut}, "the first ten, the 20th, 40th and 80th")
	n, leftOut = of("paul")
	require.Equal(t, [2]int{1, 0}, [2]int{n, leftOut})
	a.Advance(time.Minute)
	vera.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"}).Fails(t, 403, "")
	n, leftOut = of("vera")
	require.Equal(t, [2]int{14, 87}, [2]int{n, leftOut}, "all 101 are told of")
}

func TestARefusalThatCannotBeRecordedIsAnsweredAlike(t *testing.T) {
	a := apptest.New(t)
	vera := a.Join(t, a.Alice.Tenant, "vera", tenant.Viewer)
	want := vera.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"})
	want.Fails(t, 403, "")
	for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Throttled} {
		a.Faults.Plan(storetest.Every(storetest.Write, f))
		got := vera.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"})
		require.Equal(t, want.Status, got.Status)
		require.Equal(t, string(want.Body), string(got.Body))
	}
	a.Faults.Plan(nil)
	a.Advance(time.Millisecond)
	require.Contains(t, a.Log.String(), "refused access not recorded")
	require.Len(t, refused(t, a), 1)
	vera.Do(t, "PATCH", a.Alice.Path(""), body{"name": "x"}).Fails(t, 403, "")
	require.EqualValues(t, 2, refused(t, a)[0].LeftOut)
}

package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// changing says of every operation that changes something how its example is made to succeed in Alice's tenant.
var changing = map[string]struct {
	prepare func(t *testing.T, a *apptest.App) map[string]string // gives IDs for the path, beside those of tenant and project, and "body" for another than the example's; may be nil
	alone   int                                                  // items that are written before, which have no effect by themselves
	after   int                                                  // items that are taken away after it, which have no effect any more
	again   bool                                                 // the same request changes something each time
}{
	"createTenant": {alone: 1}, "updateTenant": {}, "archiveProject": {}, "createProjectImport": {}, "createImport": {}, "putTagKeys": {},
	"updateSchedule": {},
	"createProject":  {prepare: renamed}, "updateProject": {prepare: renamed},
	"closeImport": {prepare: func(t *testing.T, a *apptest.App) map[string]string {
		var made struct {
			ID        string `json:"id"`
			UploadURL string `json:"uploadUrl"`
		}
		a.Alice.Do(t, "POST", a.Alice.Path("/imports"), map[string]any{"format": "csv", "files": []any{map[string]any{"sizeBytes": 1}}}).
			Is(t, 201).Into(t, &made)
		r, err := http.NewRequestWithContext(t.Context(), "PUT", a.URL+made.UploadURL, strings.NewReader("x"))
		require.NoError(t, err)
		require.Less(t, a.With("").Send(t, r).Status, 300)
		return map[string]string{"importId": made.ID}
	}},
	"putReconciliation": {prepare: billed},
	"deleteReconciliation": {prepare: func(t *testing.T, a *apptest.App) map[string]string {
		a.Alice.Bill(t, "111122223333", "AWS", "1")
		a.Alice.Invoice(t, "111122223333", "AWS", "1")
		return billing
	}},
	"updateMember": {prepare: joined}, "removeMember": {prepare: joined}, "leaveTenant": {prepare: joined},
	"createInvitation": {}, "renewInvitation": {prepare: invited, again: true}, "revokeInvitation": {prepare: invited},
	"createExport": {}, "createApiKey": {}, "updateApiKey": {prepare: keyed}, "revokeApiKey": {prepare: keyed},
	"createConnection": {}, "updateConnection": {prepare: trusting, alone: 2}, "verifyConnection": {prepare: connected, alone: 2, again: true}, "deleteConnection": {prepare: connecting},
	"suspendTenant": {}, "activateTenant": {prepare: asked("POST", "/suspend")}, "deleteTenant": {prepare: called, alone: 1},
	"restoreTenant": {prepare: asked("DELETE", "?name=alice%27s"), after: 1},
	"startRun":      {prepare: collectable}, "cancelRun": {prepare: func(t *testing.T, a *apptest.App) map[string]string {
		collectable(t, a)
		var made struct{ ID string }
		a.Alice.Do(t, "POST", a.Alice.Path("/projects/"+string(a.Alice.Project)+"/runs"), map[string]any{"kind": "costs"}).Is(t, 202).Into(t, &made)
		return map[string]string{"runId": made.ID}
	}},
	"acceptInvitation": {prepare: func(t *testing.T, a *apptest.App) map[string]string {
		var made struct{ Token string }
		a.Bob.Do(t, "POST", a.Bob.Path("/invitations"), map[string]any{"role": "viewer"}).Is(t, 201).Into(t, &made)
		return map[string]string{"body": `{"token":"` + made.Token + `"}`}
	}},
}

var billing = map[string]string{"billingAccountId": "111122223333"}

// billed gives Alice's tenant costs of a billing account.
func billed(t *testing.T, a *apptest.App) map[string]string {
	a.Alice.Bill(t, "111122223333", "AWS", "1")
	return billing
}

// connecting makes a connection of Alice's tenant.
func connecting(t *testing.T, a *apptest.App) map[string]string {
	var made struct{ ID, ExternalID string }
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), map[string]any{"name": "payer", "accountId": "111122223333"}).Is(t, 201).Into(t, &made)
	a.Advance(time.Second)
	return map[string]string{"connectionId": made.ID, "secret": made.ExternalID}
}

// trusting makes one, and the role that it asks for, which the request then names.
func trusting(t *testing.T, a *apptest.App) map[string]string {
	made := connecting(t, a)
	arn := a.Clouds.Role(t, "111122223333", "r", customertest.Trust(customertest.Platform, made["secret"]))
	made["body"] = `{"roleArn":"` + arn + `"}`
	return made
}

// connected makes one that is connected.
func connected(t *testing.T, a *apptest.App) map[string]string {
	made := trusting(t, a)
	a.Alice.Do(t, "PATCH", a.Alice.Path("/connections/"+made["connectionId"]), json.RawMessage(made["body"])).Is(t, 200)
	a.Advance(time.Second)
	delete(made, "body")
	return made
}

// collectable gives Alice's tenant an account that can be collected.
func collectable(t *testing.T, a *apptest.App) map[string]string {
	a.Connect(t, a.Alice.Tenant)
	return nil
}

// keyed makes an API key of Alice's tenant.
func keyed(t *testing.T, a *apptest.App) map[string]string {
	_, id := a.Alice.Key(t, tenant.Editor)
	a.Advance(time.Second)
	return map[string]string{"keyId": string(id)}
}

// asked has Alice send a request without a body.
func asked(method, below string) func(*testing.T, *apptest.App) map[string]string {
	return func(t *testing.T, a *apptest.App) map[string]string {
		require.Less(t, a.Alice.Do(t, method, a.Alice.Path(below), nil).Status, 300)
		return nil
	}
}

// called gives Alice's tenant the name that the examples confirm.
func called(t *testing.T, a *apptest.App) map[string]string {
	a.Alice.Do(t, "PATCH", a.Alice.Path(""), map[string]any{"name": "ABC"}).Is(t, 200)
	return nil
}

// joined makes another owner of Alice's tenant.
func joined(t *testing.T, a *apptest.App) map[string]string {
	a.Join(t, a.Alice.Tenant, "carol", tenant.Owner)
	return map[string]string{"memberId": string(tenant.MemberIDOf(a.Alice.Tenant, a.URL, "carol"))}
}

func invited(t *testing.T, a *apptest.App) map[string]string {
	var made struct{ ID string }
	a.Alice.Do(t, "POST", a.Alice.Path("/invitations"), map[string]any{"role": "viewer"}).Is(t, 201).Into(t, &made)
	a.Advance(time.Second)
	return map[string]string{"invitationId": made.ID}
}

// renamed takes from Alice's project the name that the examples give.
func renamed(t *testing.T, a *apptest.App) map[string]string {
	a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/"+string(a.Alice.Project)), map[string]any{"name": "old"}).Is(t, 200)
	return nil
}

// books are items that are no state of the tenant: what is remembered of requests, counters, and of jobs that their message was sent.
var books = []string{"IDEM#", "USAGE#", "RATE#", "KEYUSE#", "JOB#"}

// witness sees what is written.
type witness struct {
	mu     sync.Mutex
	fault  storetest.Fault // of the writes that have a row
	rows   []int           // in each write, how many of the audit log
	last   audit.Row       // of them
	silent []store.Address // written without a row, books aside
}

func (w *witness) see(m storetest.Method, ops []store.Op) storetest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows, bare := 0, []store.Address(nil)
	for _, op := range ops {
		if kind, _ := op.Condition.Kind(); op.Address.Table == store.AuditTable && m == storetest.Write && kind == store.IfAbsent {
			rows++
			w.last = op.Value.(audit.Row)
		} else if !isBook(op.Address.SK) {
			bare = append(bare, op.Address)
		}
	}
	if rows == 0 {
		w.silent = append(w.silent, bare...)
		return storetest.None
	}
	w.rows = append(w.rows, rows)
	return w.fault
}

func isBook(sk string) bool {
	for _, b := range books {
		if strings.HasPrefix(sk, b) {
			return true
		}
	}
	return false
}

// send sends the operation's example and gives what was written meanwhile.
func send(t *testing.T, a *apptest.App, op route.Operation, path map[string]string, f storetest.Fault) (*apptest.Answer, *witness) {
	ids := map[string]string{"tenantId": string(a.Alice.Tenant), "projectId": string(a.Alice.Project)}
	for name, id := range path {
		ids[name] = id
	}
	r, err := op.NewRequest(t.Context(), a.URL, ids)
	require.NoError(t, err)
	if body, ok := path["body"]; ok {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	r.Header.Set("Idempotency-Key", "k")
	w := &witness{fault: f}
	a.Faults.See(w.see)
	defer a.Faults.See(nil)
	return a.Alice.Send(t, r), w
}

// requireTold checks that a row says who did what from where in what request, and holds no secret.
func requireTold(t *testing.T, a *apptest.App, op route.Operation, answer *apptest.Answer, row audit.Row) {
	require.Equal(t, audit.Actor{Issuer: a.URL, Subject: "alice"}, row.Actor)
	require.Equal(t, tenant.Token, row.Credential)
	require.Equal(t, audit.Done, row.Outcome)
	require.Equal(t, op.ID, row.Operation)
	require.Equal(t, answer.Header.Get("X-Request-Id"), row.RequestID)
	require.Equal(t, "127.0.0.1", row.Source)
	require.NotEmpty(t, row.Target)
	require.NotEmpty(t, row.Changes)
	b, err := json.Marshal(row)
	require.NoError(t, err)
	for _, secret := range []string{a.Alice.Token, "Bearer", "/uploads/", "tnt_", "tne_"} {
		require.NotContains(t, string(b), secret)
	}
}

// Every operation that changes something writes one row, in the one transaction that makes the change: where the row cannot
// be written nothing else is, and a request that changes nothing leaves none.
func TestEveryChangeHasItsRow(t *testing.T) {
	for _, op := range api.Operations() {
		if op.Method == http.MethodGet {
			continue
		}
		t.Run(op.ID, func(t *testing.T) {
			c, ok := changing[op.ID]
			require.True(t, ok, "this test does not know how the example of %s is made to succeed", op.ID)
			a := apptest.New(t)
			a.Advance(time.Second)
			var path map[string]string
			if c.prepare != nil {
				path = c.prepare(t, a)
			}
			answer, w := send(t, a, op, path, storetest.NotWritten)
			answer.Fails(t, 503, "")
			require.Len(t, w.rows, 1)
			require.Len(t, w.silent, c.alone, "%v", w.silent)

			answer, w = send(t, a, op, path, storetest.None)
			require.Less(t, answer.Status, 300, "%s", answer.Body)
			require.Equal(t, []int{1}, w.rows, "one write with one row")
			require.Len(t, w.silent, c.alone+c.after, "%v", w.silent)

			requireTold(t, a, op, answer, w.last)

			if c.again {
				return
			}
			a.Advance(time.Second)
			_, w = send(t, a, op, path, storetest.None)
			require.Empty(t, w.rows, "nothing has changed")
			require.Empty(t, w.silent)
		})
	}
}

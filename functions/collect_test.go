package functions_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// handle opens a tenant's items past the functions.
func (e *emulation) handle(t *testing.T, id tenant.ID) *store.Tenant {
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := store.New(dynamo.New(e.dynamodb, dynamo.Options{Names: e.tables})).Tenant(scope)
	require.NoError(t, err)
	return h
}

// TestARunGoesThroughTheFunctions starts a run by hand, and one by a schedule's message, on SQS and DynamoDB, each function with its
// own rights alone.
func TestARunGoesThroughTheFunctions(t *testing.T) {
	e := emulated(t)
	admin, api, worker := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...), start(t, "collect", e.env("collect")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, made := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	id := tenant.ID(made["id"].(string))
	base := "/v1/tenants/" + string(id)
	_, project := alice.do(t, api, "POST", base+"/projects", map[string]string{"name": "web", "environment": "production"})
	runs := base + "/projects/" + project["id"].(string) + "/runs"

	status, answer := alice.do(t, api, "POST", runs, map[string]string{"kind": "costs"})
	require.Equal(t, 409, status, "no account is connected")
	require.Contains(t, answer["detail"], "POST .../connections")

	paused := connection.Connection{ID: "con_01J00000000000000000000001", AccountID: "111122223333", Kind: connection.Payer, Partition: "aws",
		Status: connection.Connected}
	require.NoError(t, e.handle(t, id).Write(t.Context(), store.Change{Key: store.Connection(paused.ID), Value: paused}))
	status, run := alice.do(t, api, "POST", runs, map[string]string{"kind": "costs"})
	require.Equal(t, 202, status)
	paused.Status = connection.Paused // so that nobody asks AWS
	require.NoError(t, e.handle(t, id).Write(t.Context(), store.Change{Key: store.Connection(paused.ID), Value: paused}))
	got, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.runs})
	require.NoError(t, err)
	require.Len(t, got.Messages, 1)

	slot := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	due, err := json.Marshal(collect.Message{Kind: collect.Metrics, Tenant: id, Project: tenant.Unassigned, Slot: slot})
	require.NoError(t, err)
	batch := messages(t, "collect-batch")
	batch.Records[0].Body, batch.Records[2].Body = *got.Messages[0].Body, string(due)
	require.Equal(t, []int{1}, worker.failures(t, batch), "what cannot be read holds up nobody")
	require.Equal(t, []int{1}, worker.failures(t, batch), "the same event again")

	status, run = alice.do(t, api, "GET", runs+"/"+run["id"].(string), nil)
	require.Equal(t, 200, status)
	require.Equal(t, "failed", run["status"])
	require.Contains(t, run["reason"], "paused")
	require.EqualValues(t, 1, run["attempts"])
	_, list := alice.do(t, api, "GET", base+"/projects/unassigned/runs?kind=metrics", nil)
	require.Len(t, list["items"], 1)
	require.Equal(t, slot.Format(time.RFC3339), list["items"].([]any)[0].(map[string]any)["slot"])

	empty := events.SQSEvent{Records: []events.SQSMessage{}}
	require.Empty(t, worker.failures(t, empty))
}

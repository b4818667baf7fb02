package functions_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// due is the list of what is due, and META a tenant's own item, as they are stored.
type (
	due struct {
		organization.Ending
		job.Record
	}
	meta struct {
		organization.Organization
		Before  tenant.Status `json:"before"`
		Erasing bool          `json:"erasing"`
	}
)

// entry finds the one that there is; false where there is none.
func (e *emulation) entry(t *testing.T) (d due, key store.DirectoryKey, found bool) {
	span := store.Erasures(time.Now().AddDate(1, 0, 0))
	page, err := e.store().Directory().Query(t.Context(), span, store.List{Consistency: store.Strongly})
	require.NoError(t, err)
	if len(page.Records) == 0 {
		return d, key, false
	}
	require.NoError(t, page.Records[0].Value.Decode(&d))
	return d, span.Here(page.Records[0]), true
}

func (e *emulation) store() *store.Store {
	return store.New(dynamo.New(e.dynamodb, dynamo.Options{Names: e.tables}))
}

// overdue lets the time of grace be over: functions have the true time.
func (e *emulation) overdue(t *testing.T, id tenant.ID) {
	d, key, found := e.entry(t)
	require.True(t, found)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	require.NoError(t, e.store().Directory().Write(t.Context(), store.DirectoryChange{Action: store.Delete, Key: key},
		store.DirectoryChange{Key: store.Erasure(at, id), Value: d}))
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := e.store().Tenant(scope)
	require.NoError(t, err)
	var m meta
	_, err = h.Read(t.Context(), store.Meta(), &m)
	require.NoError(t, err)
	m.DeleteAfter = &at
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Meta(), Value: m}))
}

// hurry lets what the erasure waits for be over.
func (e *emulation) hurry(t *testing.T) (left bool) {
	d, key, found := e.entry(t)
	if !found {
		return false
	}
	notes := map[string]any{}
	require.NoError(t, json.Unmarshal(d.Notes, &notes))
	delete(notes, "next")
	var err error
	d.Notes, err = json.Marshal(notes)
	require.NoError(t, err)
	require.NoError(t, e.store().Directory().Write(t.Context(), store.DirectoryChange{Key: key, Value: d}))
	return true
}

// A tenant with costs and files is erased by the function, with no more rights than it has.
func TestATenantIsErasedByTheFunctions(t *testing.T) {
	e := emulated(t)
	admin, api, ingest, jobs := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...), start(t, "ingest", e.env("ingest")...), start(t, "jobs", e.env("jobs")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, made := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"}, "idempotency-key", "a")
	id := made["id"].(string)
	base := "/v1/tenants/" + id
	_, project := alice.do(t, api, "POST", base+"/projects", map[string]string{"name": "web", "environment": "production"})
	imports := base + "/projects/" + project["id"].(string) + "/imports"
	_, delivered := alice.do(t, api, "POST", imports, map[string]any{"format": "csv", "sizeBytes": len(file)})
	put(t, delivered["uploadUrl"].(string), file)
	put(t, delivered["uploadUrl"].(string), file)
	arrival := messages(t, "ingest-uploaded")
	key := fmt.Sprintf("tenants/%s/deliveries/%s/0", id, delivered["id"])
	arrival.Records[0].Body = fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":%q,"size":%d}}}]}`, key, len(file))
	require.Empty(t, ingest.failures(t, arrival))
	status, _ := alice.do(t, admin, "POST", base+"/invitations", map[string]string{"role": "viewer"})
	require.Equal(t, 201, status)
	status, _ = alice.do(t, admin, "DELETE", base+"?name=ABC", nil)
	require.Equal(t, 202, status)
	require.Empty(t, ingest.failures(t, arrival), "a late message is nothing to do")

	e.overdue(t, tenant.ID(id))
	for range 20 {
		require.Empty(t, jobs.failures(t, messages(t, "jobs-due")))
		require.Empty(t, jobs.failures(t, e.received(t)))
		if !e.hurry(t) {
			break
		}
	}
	_, _, found := e.entry(t)
	require.False(t, found)
	for name, bytes := range dynamolocal.Items(t, e.dynamodb, e.tables) {
		require.True(t, strings.Contains(name, "ERASED#"+id) || !strings.Contains(name+bytes, id), name)
	}
	list, err := s3.NewFromConfig(mototest.Config(e.moto)).ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &e.bucket})
	require.NoError(t, err)
	require.Empty(t, list.Versions)
	require.Empty(t, list.DeleteMarkers)
	status, proofs := alice.do(t, admin, "GET", "/v1/me/erasures", nil)
	require.Equal(t, 200, status)
	require.Len(t, proofs["items"], 1)
}

// received is the event of what is in the queue of jobs.
func (e *emulation) received(t *testing.T) (event events.SQSEvent) {
	out, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.jobs, MaxNumberOfMessages: 10})
	require.NoError(t, err)
	for _, m := range out.Messages {
		event.Records = append(event.Records, events.SQSMessage{MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body})
		_, err := e.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &e.jobs, ReceiptHandle: m.ReceiptHandle})
		require.NoError(t, err)
	}
	return event
}

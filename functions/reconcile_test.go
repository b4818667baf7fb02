package functions_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// connect gives a tenant a connection that works.
func (e *emulation) connect(t *testing.T, id tenant.ID) {
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := store.New(dynamo.New(e.dynamodb, dynamo.Options{Names: e.tables})).Tenant(scope)
	require.NoError(t, err)
	c := connection.Connection{ID: "con_01J00000000000000000000000", Status: connection.Connected}
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c}))
}

// schedules gives what EventBridge Scheduler has, by name.
func (e *emulation) schedules(t *testing.T) map[string]*scheduler.GetScheduleOutput {
	client := scheduler.NewFromConfig(mototest.Config(e.moto))
	all := map[string]*scheduler.GetScheduleOutput{}
	for pages := scheduler.NewListSchedulesPaginator(client, &scheduler.ListSchedulesInput{GroupName: &e.group}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, s := range page.Schedules {
			got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &e.group, Name: s.Name})
			require.NoError(t, err)
			all[*s.Name] = got
		}
	}
	return all
}

// empty takes all schedules away, as where the platform is built anew beside its tables.
func (e *emulation) empty(t *testing.T) {
	client := scheduler.NewFromConfig(mototest.Config(e.moto))
	for name := range e.schedules(t) {
		_, err := client.DeleteSchedule(t.Context(), &scheduler.DeleteScheduleInput{GroupName: &e.group, Name: aws.String(name)})
		require.NoError(t, err)
	}
	require.Empty(t, e.schedules(t))
}

// work has jobs do what is in its queue.
func (e *emulation) work(t *testing.T, jobs *function) {
	for {
		got, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.jobs})
		require.NoError(t, err)
		if len(got.Messages) == 0 {
			return
		}
		event := messages(t, "jobs-due")
		event.Records[0].Body = *got.Messages[0].Body
		require.Empty(t, jobs.failures(t, event))
		_, err = e.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &e.jobs, ReceiptHandle: got.Messages[0].ReceiptHandle})
		require.NoError(t, err)
	}
}

type report struct {
	Tenants, Gone, Failed, Checked, Created, Updated, Removed int64
	Done                                                      bool
}

func (e *emulation) reconcile(t *testing.T, f *function) (r report) {
	var event json.RawMessage
	sample(t, "reconcile-scheduled", &event)
	f.invoke(t, event, &r)
	require.True(t, r.Done)
	return r
}

// A platform whose schedules are lost gets every one of them back from its tables alone, as it was, by a function with its own rights.
func TestSchedulesComeBackFromTheTablesAlone(t *testing.T) {
	e := emulated(t)
	admin, api, jobs, f := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...), start(t, "jobs", e.env("jobs")...), start(t, "reconcile", e.env("reconcile")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	var bases []string
	for _, name := range []string{"ABC", "Globex", "without"} {
		_, made := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": name})
		id := made["id"].(string)
		bases = append(bases, "/v1/tenants/"+id)
		if name != "without" {
			e.connect(t, tenant.ID(id))
		}
	}
	for _, base := range bases {
		for _, name := range []string{"one", "two"} {
			status, _ := alice.do(t, api, "POST", base+"/projects", map[string]string{"name": name, "environment": "test"})
			require.Equal(t, 201, status)
		}
	}
	status, _ := alice.do(t, api, "PATCH", bases[0]+"/projects/unassigned/schedules/costs", map[string]any{"expression": "rate(12 hours)", "windowMinutes": 15})
	require.Equal(t, 200, status)
	status, _ = alice.do(t, admin, "POST", bases[1]+"/suspend", nil)
	require.Equal(t, 200, status)
	e.work(t, jobs)
	before := e.schedules(t)
	require.Len(t, before, 18, "two tenants with three projects of three kinds")
	require.Equal(t, report{Tenants: 3, Checked: 18, Done: true}, e.reconcile(t, f), "all is well")

	e.empty(t)
	require.Equal(t, report{Tenants: 3, Checked: 18, Created: 18, Done: true}, e.reconcile(t, f))
	after := e.schedules(t)
	require.Len(t, after, len(before))
	for name, was := range before {
		is := after[name]
		require.NotNil(t, is, name)
		require.Equal(t, was.State, is.State, name)
		require.Equal(t, *was.ScheduleExpression, *is.ScheduleExpression, name)
		require.Equal(t, *was.Target.Input, *is.Target.Input, name)
		require.Equal(t, was.FlexibleTimeWindow, is.FlexibleTimeWindow, name)
	}
	require.Equal(t, report{Tenants: 3, Checked: 18, Done: true}, e.reconcile(t, f), "a second time changes nothing")

	t.Run("what is left of a tenant that was erased is removed", func(t *testing.T) {
		s := e.schedules(t)
		client := scheduler.NewFromConfig(mototest.Config(e.moto))
		for _, one := range s {
			_, err := client.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{Name: aws.String("01J00000000000000000000000-unassigned-costs"), GroupName: &e.group,
				ScheduleExpression: one.ScheduleExpression, FlexibleTimeWindow: one.FlexibleTimeWindow, Target: one.Target})
			require.NoError(t, err)
			break
		}
		require.Equal(t, report{Tenants: 3, Gone: 1, Checked: 18, Removed: 1, Done: true}, e.reconcile(t, f))
		require.Len(t, e.schedules(t), len(s))
	})
	t.Run("two at once: one gives way", func(t *testing.T) {
		require.NoError(t, store.New(dynamo.New(e.dynamodb, dynamo.Options{Names: e.tables})).Directory().Write(t.Context(),
			store.DirectoryChange{Key: store.Reconciliation(), Value: map[string]any{"until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}}))
		_, err := f.Invoke(t.Context(), []byte(`{}`))
		require.ErrorContains(t, err, "under way")
	})
}

package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

func TestSchedulesAreMadeInTheStagesGroupForTheOneRole(t *testing.T) {
	jobs := parse(t, resources.Jobs())
	for name, test := range map[string]struct {
		action, resource, service string
		want                      bool
	}{
		"a schedule of the group, made":      {"scheduler:CreateSchedule", policytest.Schedule("tenantry-test", "x"), "", true},
		"a schedule of the group, removed":   {"scheduler:DeleteSchedule", policytest.Schedule("tenantry-test", "x"), "", true},
		"a schedule of another stage":        {"scheduler:UpdateSchedule", policytest.Schedule("tenantry-prod", "x"), "", false},
		"one whose group begins alike":       {"scheduler:GetSchedule", policytest.Schedule("tenantry-test2", "x"), "", false},
		"the group, removed":                 {"scheduler:DeleteScheduleGroup", policytest.Schedule("tenantry-test", "x"), "", false},
		"the role, given to the scheduler":   {"iam:PassRole", resources.SchedulerRole, "scheduler.amazonaws.com", true},
		"the role, given to a function":      {"iam:PassRole", resources.SchedulerRole, "lambda.amazonaws.com", false},
		"the role, given to nobody named":    {"iam:PassRole", resources.SchedulerRole, "", false},
		"the role of tenants' data, given":   {"iam:PassRole", resources.TenantRole, "scheduler.amazonaws.com", false},
		"the role of the scheduler, assumed": {"sts:AssumeRole", resources.SchedulerRole, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := policytest.Request{Action: test.action, Resource: test.resource, Context: map[string][]string{}}
			if test.service != "" {
				r.Context["iam:passedtoservice"] = []string{test.service}
			}
			require.Equal(t, test.want, jobs.Allows(r))
			for _, other := range []string{"api", "admin", "ingest"} {
				require.False(t, parse(t, documents[other]).Allows(r), other)
			}
		})
	}
}

func TestTheSchedulersRole(t *testing.T) {
	const account, group = "123456789012", "arn:aws:scheduler:us-east-1:123456789012:schedule-group/tenantry-test"
	trust := parse(t, policy.TrustScheduler(account, group))
	for name, test := range map[string]struct {
		who, account, source string
		want                 bool
	}{
		"a schedule of the group":                  {"scheduler.amazonaws.com", account, group, true},
		"a schedule of another group":              {"scheduler.amazonaws.com", account, group + "2", false},
		"a schedule of another account":            {"scheduler.amazonaws.com", "210987654321", group, false},
		"another service":                          {"lambda.amazonaws.com", account, group, false},
		"a function":                               {policytest.Role("jobs"), account, group, false},
		"a schedule that does not say where it is": {"scheduler.amazonaws.com", account, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := policytest.Request{Action: "sts:AssumeRole", Principal: test.who, Context: map[string][]string{"aws:sourceaccount": {test.account}}}
			if test.source != "" {
				r.Context["aws:sourcearn"] = []string{test.source}
			}
			require.Equal(t, test.want, trust.Allows(r))
		})
	}
	role := parse(t, resources.Scheduler())
	for queue, want := range map[string]bool{resources.RunsQueue: true, resources.DeadQueue: true, resources.JobsQueue: false, resources.IngestQueue: false} {
		require.Equal(t, want, role.Allows(policytest.Request{Action: "sqs:SendMessage", Resource: queue}), queue)
	}
	require.False(t, role.Allows(policytest.Request{Action: "sqs:ReceiveMessage", Resource: resources.RunsQueue}))
}

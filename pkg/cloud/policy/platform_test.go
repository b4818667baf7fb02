package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

func TestThePlatformsOwnClockAsksForWorkAndDoesNone(t *testing.T) {
	r := resources
	r.Reconciler = "arn:aws:lambda:us-east-1:123456789012:function:tenantry-test-reconcile"
	clock := parse(t, r.Clock())
	for name, test := range map[string]struct {
		action, resource string
		want             bool
	}{
		"a job, asked for":            {"sqs:SendMessage", r.JobsQueue, true},
		"what cannot be asked for":    {"sqs:SendMessage", r.DeadQueue, true},
		"a run, asked for":            {"sqs:SendMessage", r.RunsQueue, false},
		"a job, taken":                {"sqs:ReceiveMessage", r.JobsQueue, false},
		"a reconciliation":            {"lambda:InvokeFunction", r.Reconciler, true},
		"the operator's own function": {"lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:tenantry-test-admin", false},
		"a tenant's data":             {"sts:AssumeRole", r.TenantRole, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, clock.Allows(policytest.Request{Action: test.action, Resource: test.resource, Context: map[string][]string{}}))
		})
	}
}

func TestLambdaTakesAFunctionsRoleForThatFunction(t *testing.T) {
	const account, function = "123456789012", "arn:aws:lambda:us-east-1:123456789012:function:tenantry-test-api"
	trust := parse(t, policy.TrustLambda(account, function))
	for name, test := range map[string]struct {
		who     string
		context map[string][]string
		want    bool
	}{
		"for the function":               {"lambda.amazonaws.com", map[string][]string{"aws:sourceaccount": {account}, "aws:sourcearn": {function}}, true},
		"where it does not say for whom": {"lambda.amazonaws.com", map[string][]string{}, true},
		"for another function":           {"lambda.amazonaws.com", map[string][]string{"aws:sourceaccount": {account}, "aws:sourcearn": {function + "2"}}, false},
		"for another account":            {"lambda.amazonaws.com", map[string][]string{"aws:sourceaccount": {"210987654321"}, "aws:sourcearn": {function}}, false},
		"another service":                {"ec2.amazonaws.com", map[string][]string{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, trust.Allows(policytest.Request{Action: "sts:AssumeRole", Principal: test.who, Context: test.context}))
		})
	}
}

func TestAWildcardHasAReasonOrIsNotDeployed(t *testing.T) {
	require.Contains(t, policy.Wildcards(resources.Jobs()), "ListSchedules: ")
	require.Empty(t, policy.Wildcards(resources.DeadLetters()))
	require.Panics(t, func() {
		policy.Wildcards(policy.Document{Statement: []policy.Statement{{Sid: "All", Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"*"}}}})
	})
}

package cloud_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// least is the environment that every function must start with.
var least = map[string]string{"AWS_REGION": "eu-west-1", "TENANTRY_STAGE": "prod-2"}

// with adds variables to the least, by name and value.
func with(variables ...string) func(string) string {
	env := maps.Clone(least)
	for i := 0; i < len(variables); i += 2 {
		env[variables[i]] = variables[i+1]
	}
	return func(name string) string { return env[name] }
}

func TestReadConfig(t *testing.T) {
	t.Run("takes names from the stage", func(t *testing.T) {
		c := cloud.ReadConfig(with())
		require.NoError(t, c.Validate())
		require.Equal(t, cloud.Config{
			Region: "eu-west-1", Stage: "prod-2", Bucket: "tenantry-prod-2-imports", Plan: tenant.Free, Grace: 7 * 24 * time.Hour,
			Schedules: cloud.Schedules{Group: "tenantry-prod-2"},
			Tables: map[store.Table]string{
				store.DirectoryTable: "tenantry-prod-2-directory", store.CoreTable: "tenantry-prod-2-core",
				store.CostTable: "tenantry-prod-2-cost", store.AuditTable: "tenantry-prod-2-audit",
			},
		}, c)
	})
	t.Run("takes names that are given", func(t *testing.T) {
		c := cloud.ReadConfig(with("TENANTRY_TABLE_COST", "restored", "TENANTRY_BUCKET", "bucket", "TENANTRY_QUEUE_URL", "https://sqs/1/q",
			"TENANTRY_ISSUER", "https://issuer/pool", "TENANTRY_CLIENT_IDS", "a, b,", "TENANTRY_AUDIENCES", "c", "TENANTRY_PRINCIPAL_ARN", "arn:aws:iam::123456789012:root",
			"TENANTRY_SCHEDULE_GROUP", "Group.1", "TENANTRY_SCHEDULE_QUEUE_ARN", "arn:aws:sqs:eu-west-1:123456789012:runs",
			"TENANTRY_SCHEDULE_DEAD_ARN", "arn:aws:sqs:eu-west-1:123456789012:dead", "TENANTRY_SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/scheduler",
			"TENANTRY_TENANT_ROLE_ARN", "arn:aws-cn:iam::123456789012:role/path/tenant-data"))
		require.NoError(t, c.Validate())
		require.Equal(t, "restored", c.Tables[store.CostTable])
		require.Equal(t, "tenantry-prod-2-core", c.Tables[store.CoreTable])
		require.Equal(t, []string{"a", "b"}, c.ClientIDs)
		require.Equal(t, []string{"c"}, c.Audiences)
		require.Equal(t, "arn:aws-cn:iam::123456789012:role/path/tenant-data", c.Role)
		require.Equal(t, "arn:aws:iam::123456789012:root", c.Principal)
		require.Equal(t, cloud.Schedules{Group: "Group.1", QueueARN: "arn:aws:sqs:eu-west-1:123456789012:runs", DeadARN: "arn:aws:sqs:eu-west-1:123456789012:dead",
			RoleARN: "arn:aws:iam::123456789012:role/scheduler"}, c.Schedules)
		require.Equal(t, []string{"bucket", "https://sqs/1/q", "https://issuer/pool"}, []string{c.Bucket, c.QueueURL, c.Issuer})
	})
}

func TestValidate(t *testing.T) {
	refused := map[string][]string{
		"no region":                     {"AWS_REGION", ""},
		"a region that is none":         {"AWS_REGION", "Frankfurt (eu)"},
		"no stage":                      {"TENANTRY_STAGE", ""},
		"a stage in capitals":           {"TENANTRY_STAGE", "Prod"},
		"a stage that is too long":      {"TENANTRY_STAGE", "a23456789012345678901234567890123"},
		"a stage that ends in a hyphen": {"TENANTRY_STAGE", "prod-"},
		"a table's name with spaces":    {"TENANTRY_TABLE_CORE", "my table"},
		"a bucket's name in capitals":   {"TENANTRY_BUCKET", "Bucket"},
		"a principal that is none":      {"TENANTRY_PRINCIPAL_ARN", "arn:aws:iam::123456789012:user/x"},
		"a principal of no account":     {"TENANTRY_PRINCIPAL_ARN", "arn:aws:iam::1234:root"},
		"a role by its name":            {"TENANTRY_TENANT_ROLE_ARN", "tenant-data"},
		"a role's session":              {"TENANTRY_TENANT_ROLE_ARN", "arn:aws:sts::123456789012:assumed-role/tenant-data/x"},
		"a user":                        {"TENANTRY_TENANT_ROLE_ARN", "arn:aws:iam::123456789012:user/tenant-data"},
		"a role of no account":          {"TENANTRY_TENANT_ROLE_ARN", "arn:aws:iam::12345678901x:role/tenant-data"},
		"a role without a name":         {"TENANTRY_TENANT_ROLE_ARN", "arn:aws:iam::123456789012:role/"},
		"a queue by its name":           {"TENANTRY_QUEUE_URL", "queue"},
		"a queue without TLS":           {"TENANTRY_QUEUE_URL", "http://sqs.example.com/1/q"},
		"a group of schedules with a /": {"TENANTRY_SCHEDULE_GROUP", "a/b"},
		"a queue of runs by its URL":    {"TENANTRY_SCHEDULE_QUEUE_ARN", "https://sqs.eu-west-1.amazonaws.com/123456789012/runs"},
		"dead letters of no account":    {"TENANTRY_SCHEDULE_DEAD_ARN", "arn:aws:sqs:eu-west-1::dead"},
		"a scheduler's role by a name":  {"TENANTRY_SCHEDULE_ROLE_ARN", "scheduler"},
		"a plan that is none":           {"TENANTRY_PLAN", "gold"},
		"an issuer without TLS":         {"TENANTRY_ISSUER", "http://issuer.example.com", "TENANTRY_CLIENT_IDS", "a"},
		"an issuer without a client":    {"TENANTRY_ISSUER", "https://issuer.example.com"},
	}
	for name, variables := range refused {
		t.Run("refuses "+name, func(t *testing.T) {
			err := cloud.ReadConfig(with(variables...)).Validate()
			named := variables[0]
			if len(variables) == 2 && named == "TENANTRY_ISSUER" {
				named = "TENANTRY_CLIENT_IDS"
			}
			require.ErrorContains(t, err, named)
		})
	}
	t.Run("takes emulators on this machine", func(t *testing.T) {
		for _, host := range []string{"localhost:4566", "127.0.0.1:4566", "[::1]:4566"} {
			require.NoError(t, cloud.ReadConfig(with("TENANTRY_QUEUE_URL", "http://"+host+"/1/q")).Validate())
		}
	})
	t.Run("names all that is wrong at once", func(t *testing.T) {
		err := cloud.ReadConfig(func(string) string { return "?" }).Validate()
		names := []string{"AWS_REGION", "TENANTRY_STAGE", "TENANTRY_TABLE_AUDIT", "TENANTRY_BUCKET", "TENANTRY_QUEUE_URL", "TENANTRY_TENANT_ROLE_ARN",
			"TENANTRY_ISSUER", "TENANTRY_PLAN"}
		for _, name := range names {
			require.ErrorContains(t, err, name)
		}
	})
}

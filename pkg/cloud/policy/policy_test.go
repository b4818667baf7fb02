package policy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
	"github.com/tenantry/tenantry/pkg/store"
)

var resources = policy.Resources{
	Tables: map[store.Table]string{
		store.DirectoryTable: policytest.Table("directory"), store.CoreTable: policytest.Table("core"),
		store.CostTable: policytest.Table("cost"), store.AuditTable: policytest.Table("audit"),
	},
	Bucket:      policytest.Bucket("imports"),
	IngestQueue: policytest.Queue("ingest"), JobsQueue: policytest.Queue("jobs"), RunsQueue: policytest.Queue("runs"),
	DeadQueue: policytest.Queue("dead"), Schedules: policytest.Schedule("tenantry-test", "*"), SchedulerRole: policytest.Role("scheduler"),
	TenantRole: policytest.Role("tenant-data"), ErasureRole: policytest.Role("tenant-erasure"), CustomerRoles: policy.CustomerRoles("aws"),
}

func parse(t require.TestingT, d policy.Document) policytest.Policy {
	p, err := policytest.Parse(d.JSON())
	require.NoError(t, err)
	return p
}

const tenantData = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "TenantItems", "Effect": "Allow",
		"Action": ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
			"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
		"Resource": ["arn:aws:dynamodb:us-east-1:123456789012:table/core", "arn:aws:dynamodb:us-east-1:123456789012:table/cost"],
		"Condition": {
			"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["T#${aws:PrincipalTag/tenant}", "T#${aws:PrincipalTag/tenant}#*"]},
			"Null": {"dynamodb:LeadingKeys": ["false"], "aws:PrincipalTag/tenant": ["false"]}}},
	{"Sid": "TenantAudit", "Effect": "Allow",
		"Action": ["dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
		"Resource": ["arn:aws:dynamodb:us-east-1:123456789012:table/audit"],
		"Condition": {
			"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["T#${aws:PrincipalTag/tenant}", "T#${aws:PrincipalTag/tenant}#*"]},
			"Null": {"dynamodb:LeadingKeys": ["false"], "aws:PrincipalTag/tenant": ["false"]}}},
	{"Sid": "TenantFiles", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
		"Resource": ["arn:aws:s3:::imports/tenants/${aws:PrincipalTag/tenant}/*"],
		"Condition": {"Null": {"aws:PrincipalTag/tenant": ["false"]}}},
	{"Sid": "TenantFileNames", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::imports"],
		"Condition": {
			"StringLike": {"s3:prefix": ["tenants/${aws:PrincipalTag/tenant}/*"]},
			"Null": {"s3:prefix": ["false"], "aws:PrincipalTag/tenant": ["false"]}}},
	{"Sid": "TenantFilesOfCollected", "Effect": "Allow", "Action": ["s3:DeleteObject"],
		"Resource": ["arn:aws:s3:::imports/tenants/${aws:PrincipalTag/tenant}/collected/*"],
		"Condition": {"Null": {"aws:PrincipalTag/tenant": ["false"]}}},
	{"Sid": "TenantFilesOfDeliveries", "Effect": "Allow", "Action": ["s3:AbortMultipartUpload"],
		"Resource": ["arn:aws:s3:::imports/tenants/${aws:PrincipalTag/tenant}/deliveries/*"],
		"Condition": {"Null": {"aws:PrincipalTag/tenant": ["false"]}}}
]}`

const trust = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "FunctionsForOneTenant", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::123456789012:role/api"]},
		"Action": ["sts:AssumeRole", "sts:TagSession"],
		"Condition": {
			"StringLike": {"aws:RequestTag/tenant": ["ten_??????????????????????????"]},
			"ForAllValues:StringEquals": {"aws:TagKeys": ["tenant"]},
			"Null": {"aws:RequestTag/tenant": ["false"], "aws:TagKeys": ["false"]}}}
]}`

func TestTheTenantDataRole(t *testing.T) {
	require.JSONEq(t, tenantData, string(resources.TenantData().JSON()))
	require.JSONEq(t, trust, string(policy.Trust(policytest.Role("api")).JSON()))
}

// documents are all policies of roles.
var documents = map[string]policy.Document{
	"tenant-data": resources.TenantData(), "tenant-erasure": resources.TenantErasure(),
	"api": resources.API(), "admin": resources.Admin(), "ingest": resources.Ingest(), "collect": resources.Collect(), "jobs": resources.Jobs(),
	"scheduler": resources.Scheduler(), "reconcile": resources.Reconcile(),
}

func TestActionsAndResourcesAreNamed(t *testing.T) {
	for name, d := range documents {
		parse(t, d)
		require.Less(t, len(d.JSON()), 10240, "IAM takes no longer inline policies")
		seen := map[string]bool{}
		for _, s := range d.Statement {
			require.Regexp(t, `^[A-Za-z0-9]+$`, s.Sid, name)
			require.False(t, seen[s.Sid], "%s: %s", name, s.Sid)
			seen[s.Sid] = true
			for _, action := range s.Action {
				require.NotContains(t, action, "*", "%s: %s", name, s.Sid)
			}
			for _, resource := range s.Resource {
				if s.Sid == "VerifyCustomers" || s.Sid == "ReadCustomers" { // the account, and the rest of a role's name
					require.Equal(t, "arn:aws:iam::*:role/tenantry/*", resource)
				} else if !strings.HasPrefix(s.Sid, "TenantFiles") && s.Sid != "Schedules" && s.Sid != "ListSchedules" { // the rest of a name; there is no resource of lists
					require.NotContains(t, resource, "*", "%s: %s", name, s.Sid)
				}
			}
		}
	}
}

// A function reaches no tenant's items and files by itself: no statement of its own names those tables or the bucket, but
// for rows that the control plane adds to audit logs.
func TestFunctionsHoldNothingOfTenants(t *testing.T) {
	for _, name := range []string{"api", "admin", "ingest", "collect", "jobs", "reconcile"} {
		for _, s := range documents[name].Statement {
			for _, resource := range s.Resource {
				require.NotContains(t, []string{resources.Tables[store.CoreTable], resources.Tables[store.CostTable]}, resource, name)
				require.NotContains(t, resource, resources.Bucket, name)
				if resource == resources.Tables[store.AuditTable] {
					require.Equal(t, []string{"dynamodb:PutItem"}, s.Action, name)
				}
				if resource == resources.Tables[store.DirectoryTable] {
					require.Contains(t, []string{"api", "admin", "jobs", "reconcile"}, name)
					require.Equal(t, name == "api", slices.Equal(s.Action, []string{"dynamodb:GetItem"}))
					require.Equal(t, name == "api" || name == "reconcile", s.Condition != nil, "%s: %s", name, s.Sid)
				}
			}
		}
	}
}

func TestRolesOfCustomersAreReadByCollectAloneAndNotWithoutAnExternalID(t *testing.T) {
	role := "arn:aws:iam::999988887777:role/tenantry/read"
	ask := func(role string, context map[string][]string) policytest.Request {
		return policytest.Request{Action: "sts:AssumeRole", Resource: role, Context: context}
	}
	with := map[string][]string{"sts:externalid": {"x"}}
	collects := parse(t, documents["collect"])
	require.True(t, collects.Allows(ask(role, with)))
	require.False(t, collects.Allows(ask(role, nil)))
	require.False(t, collects.Allows(ask("arn:aws:iam::999988887777:role/admin", with)))
	for _, name := range []string{"api", "ingest", "jobs"} {
		require.False(t, parse(t, documents[name]).Allows(ask(role, with)), name)
	}
}

// operations are calls of DynamoDB's API on items, with the actions that IAM is asked about for them.
var operations = map[string][]string{
	"GetItem": {"GetItem"}, "PutItem": {"PutItem"}, "UpdateItem": {"UpdateItem"}, "DeleteItem": {"DeleteItem"}, "Query": {"Query"},
	"BatchGetItem": {"BatchGetItem", "GetItem"}, "BatchWriteItem": {"BatchWriteItem", "PutItem", "DeleteItem"},
	"TransactGetItems": {"GetItem"}, "TransactWriteItems": {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"},
}

// body makes a call of an operation on items with those partition keys.
func body(operation, table string, keys []string) []byte {
	of := func(key string) map[string]any {
		return map[string]any{"pk": map[string]string{"S": key}, "sk": map[string]string{"S": "s"}}
	}
	var all, writes, gets, changes []any
	for i, key := range keys {
		at := map[string]any{"TableName": table, "Key": of(key)}
		all = append(all, of(key))
		writes = append(writes, []any{map[string]any{"PutRequest": map[string]any{"Item": of(key)}}, map[string]any{"DeleteRequest": map[string]any{"Key": of(key)}}}[i%2])
		gets = append(gets, map[string]any{"Get": at})
		kind := []string{"Put", "Update", "Delete", "ConditionCheck"}[i%4]
		if kind == "Put" {
			at = map[string]any{"TableName": table, "Item": of(key)}
		}
		changes = append(changes, map[string]any{kind: at})
	}
	call := map[string]any{"TableName": table}
	switch operation {
	case "GetItem", "UpdateItem", "DeleteItem":
		call["Key"] = all[0]
	case "PutItem":
		call["Item"] = all[0]
	case "Query":
		call["KeyConditionExpression"] = "pk = :pk AND sk BETWEEN :from AND :to"
		call["ExpressionAttributeValues"] = map[string]any{":pk": map[string]string{"S": keys[0]}}
	case "BatchGetItem":
		call = map[string]any{"RequestItems": map[string]any{table: map[string]any{"Keys": all}}}
	case "BatchWriteItem":
		call = map[string]any{"RequestItems": map[string]any{table: writes}}
	case "TransactGetItems":
		call = map[string]any{"TransactItems": gets}
	case "TransactWriteItems":
		call = map[string]any{"TransactItems": changes}
	}
	b, err := json.Marshal(call)
	if err != nil {
		panic(err)
	}
	return b
}

// allowed tells whether all that IAM is asked about for a call is allowed to a session with those tags.
func allowed(t require.TestingT, p policytest.Policy, operation string, body []byte, tags map[string]string) bool {
	all, err := policytest.DynamoDB(operation, body, policytest.Table)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return !slices.ContainsFunc(all, func(r policytest.Request) bool {
		for key, value := range tags {
			r.Context["aws:principaltag/"+key] = []string{value}
		}
		return !p.Allows(r)
	})
}

var tenants = rapid.Custom(func(t *rapid.T) string {
	return "ten_" + rapid.StringMatching(`[0-9A-HJKMNP-TV-Z]{26}`).Draw(t, "ULID")
})

// keysOf gives partition keys of a tenant and, where that is asked for, what only looks like one of them.
func keysOf(own string, foreign bool) *rapid.Generator[string] {
	rest := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`#[A-Za-z0-9#_*?-]{0,12}`))
	if !foreign {
		return rapid.Custom(func(t *rapid.T) string { return "T#" + own + rest.Draw(t, "rest") })
	}
	return rapid.Custom(func(t *rapid.T) string {
		other := tenants.Filter(func(id string) bool { return id != own }).Draw(t, "other")
		near := own[:len(own)-1] + rapid.SampledFrom([]string{"", "*", "?", "O", own[len(own)-1:] + "0"}).Draw(t, "end")
		return rapid.SampledFrom([]string{
			"T#" + other, "T#" + near, "T#" + own + "0", "T#" + own + "\"", "T#" + strings.ToLower(own), "T#*", "T#", "", "*", "T#" + other + "#T#" + own, "t#" + own,
			"ORG#" + own, "KEY#" + own, "SUB#" + own, " T#" + own, "T#ten_", "T#${aws:PrincipalTag/tenant}",
		}).Draw(t, "key") + rest.Draw(t, "rest")
	}).Filter(func(key string) bool { return key != "T#"+own && !strings.HasPrefix(key, "T#"+own+"#") })
}

// A call is allowed if and only if all of its keys are the tenant's, in a table of tenants, and what it does may be done there.
func TestACallIsAllowedIfAndOnlyIfItsKeysAreTheTenants(t *testing.T) {
	roles := map[string]policytest.Policy{"tenant-data": parse(t, resources.TenantData()), "tenant-erasure": parse(t, resources.TenantErasure())}
	appended := []string{"GetItem", "Query", "BatchGetItem", "PutItem", "TransactGetItems"}
	rapid.Check(t, func(t *rapid.T) {
		operation := rapid.SampledFrom(slices.Sorted(maps.Keys(operations))).Draw(t, "operation")
		own := tenants.Draw(t, "tenant")
		keys := rapid.SliceOfN(keysOf(own, false), 1, 8).Draw(t, "keys")
		single := len(operations[operation]) == 1 && operation != "TransactGetItems"
		if single {
			keys = keys[:1]
		}
		foreign := rapid.Bool().Draw(t, "foreign")
		if foreign {
			at := rapid.IntRange(0, len(keys)-1).Draw(t, "at")
			keys[at] = keysOf(own, true).Draw(t, "foreign key")
		}
		table := rapid.SampledFrom([]string{"core", "cost", "audit", "directory", "core/index/i", "other"}).Draw(t, "table")
		role := rapid.SampledFrom([]string{"tenant-data", "tenant-erasure"}).Draw(t, "role")
		call := body(operation, table, keys)

		want := !foreign && slices.Contains([]string{"core", "cost", "audit"}, table)
		if table == "audit" && role == "tenant-data" {
			added := slices.Contains(appended, operation) || operation == "TransactWriteItems" && len(keys) == 1
			want = want && added
		}
		require.Equal(t, want, allowed(t, roles[role], operation, call, map[string]string{"tenant": own}))
		require.False(t, allowed(t, roles[role], operation, call, nil), "without the tag")
		require.False(t, allowed(t, roles[role], operation, call, map[string]string{"tenants": own}), "with another tag")
		require.False(t, allowed(t, roles[role], operation, call, map[string]string{"tenant": tenants.Filter(func(id string) bool { return id != own }).Draw(t, "tag")})) // nobody but own
	})
}

// keyless are calls that name no items: IAM has no leading keys for them.
var keyless = map[string]string{
	"Scan":                      `{"TableName":"core"}`,
	"ExecuteStatement":          `{"Statement":"SELECT * FROM \"core\" WHERE pk = 'T#x'"}`,
	"BatchExecuteStatement":     `{}`,
	"ExecuteTransaction":        `{}`,
	"Query":                     `{"TableName":"core","KeyConditions":{}}`,
	"GetItem":                   `{"TableName":"core","Key":{}}`,
	"PutItem":                   `{"TableName":"core","Item":{"sk":{"S":"x"}}}`,
	"DescribeTable":             `{"TableName":"core"}`,
	"DeleteTable":               `{"TableName":"core"}`,
	"ExportTableToPointInTime":  `{"TableArn":"core"}`,
	"GetRecords":                `{}`,
	"UpdateTimeToLive":          `{"TableName":"core"}`,
	"PutResourcePolicy":         `{"ResourceArn":"core"}`,
	"RestoreTableToPointInTime": `{"TableName":"core"}`,
	"CreateBackup":              `{"TableName":"core"}`,
	"BatchGetItem":              `{"RequestItems":{"core":{"Keys":[{"pk":{"S":"T#ten_01J00000000000000000000000"}},{}]}}}`,
	"BatchWriteItem":            `{"RequestItems":{"core":[{"PutRequest":{"Item":{}}}]}}`,
	"TransactWriteItems":        `{"TransactItems":[{"Delete":{"TableName":"core"}},{"Put":{"TableName":"core","Item":{"pk":{"S":"T#ten_01J00000000000000000000000"}}}}]}`,
	"TransactGetItems":          `{"TransactItems":[{"Get":{"TableName":"core"}}]}`,
	"UpdateItem":                `{"TableName":"core","Key":{"pk":{"N":"1"}}}`,
	"DeleteItem":                `{"TableName":"core"}`,
	"DescribeContinuousBackups": `{"TableName":"core"}`,
}

func TestACallWithoutLeadingKeysIsNeverAllowed(t *testing.T) {
	for name, d := range documents {
		p := parse(t, d)
		for operation, call := range keyless {
			if (name == "admin" || name == "jobs") && strings.Contains(call, "directory") {
				continue
			}
			require.False(t, allowed(t, p, operation, []byte(call), map[string]string{"tenant": "ten_01J00000000000000000000000"}), "%s: %s", name, operation)
		}
	}
	for _, name := range []string{"admin", "jobs", "api"} {
		for _, operation := range []string{"Scan", "ExecuteStatement", "DescribeTable", "DeleteTable", "CreateBackup"} {
			require.False(t, allowed(t, parse(t, documents[name]), operation, []byte(`{"TableName":"directory","Statement":"SELECT"}`), nil), "%s: %s", name, operation)
		}
	}
}

func TestFilesAreTheTenants(t *testing.T) {
	const own = "ten_01J00000000000000000000000"
	for name, test := range map[string]struct {
		action, resource, prefix string
		tag                      string
		data, erasure            bool
	}{
		"its file":                     {"s3:GetObject", "imports/tenants/" + own + "/d/0", "", own, true, true},
		"its file, written":            {"s3:PutObject", "imports/tenants/" + own + "/d/0", "", own, true, true},
		"its file, removed":            {"s3:DeleteObject", "imports/tenants/" + own + "/d/0", "", own, false, true},
		"what was collected, removed":  {"s3:DeleteObject", "imports/tenants/" + own + "/collected/c", "", own, true, true},
		"a delivery's file, removed":   {"s3:DeleteObject", "imports/tenants/" + own + "/deliveries/d/0", "", own, false, true},
		"a copying, given up":          {"s3:AbortMultipartUpload", "imports/tenants/" + own + "/deliveries/d/0", "", own, true, true},
		"another's, removed":           {"s3:DeleteObject", "imports/tenants/ten_01J00000000000000000000001/collected/c", "", own, false, false},
		"its file, a version removed":  {"s3:DeleteObjectVersion", "imports/tenants/" + own + "/d/0", "", own, false, true},
		"another's, a version removed": {"s3:DeleteObjectVersion", "imports/tenants/ten_01J00000000000000000000001/d", "", own, false, false},
		"its versions, listed":         {"s3:ListBucketVersions", "imports", "tenants/" + own + "/", own, false, true},
		"another's versions, listed":   {"s3:ListBucketVersions", "imports", "tenants/ten_01J00000000000000000000001/", own, false, false},
		"all versions, listed":         {"s3:ListBucketVersions", "imports", "", own, false, false},
		"its files, listed":            {"s3:ListBucket", "imports", "tenants/" + own + "/", own, true, true},
		"a file without a tag":         {"s3:GetObject", "imports/tenants/" + own + "/d/0", "", "", false, false},
		"a file of no tenant":          {"s3:GetObject", "imports/tenants//d/0", "", "", false, false},
		"a list without a tag":         {"s3:ListBucket", "imports", "tenants/" + own + "/", "", false, false},
		"another's file":               {"s3:GetObject", "imports/tenants/ten_01J00000000000000000000001/d", "", own, false, false},
		"one whose ID begins alike":    {"s3:GetObject", "imports/tenants/" + own + "0/d", "", own, false, false},
		"a file outside":               {"s3:GetObject", "imports/" + own + "/d/0", "", own, false, false},
		"another bucket":               {"s3:GetObject", "others/tenants/" + own + "/d/0", "", own, false, false},
		"all files, listed":            {"s3:ListBucket", "imports", "", own, false, false},
		"all tenants, listed":          {"s3:ListBucket", "imports", "tenants/", own, false, false},
		"those that begin alike":       {"s3:ListBucket", "imports", "tenants/" + own, own, false, false},
		"another's files, listed":      {"s3:ListBucket", "imports", "tenants/ten_01J00000000000000000000001/", own, false, false},
		"the rights to a file, set":    {"s3:PutObjectAcl", "imports/tenants/" + own + "/d/0", "", own, false, false},
		"the bucket's policy, written": {"s3:PutBucketPolicy", "imports", "", own, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := policytest.Request{Action: test.action, Resource: policytest.Bucket(test.resource), Context: map[string][]string{}}
			if test.prefix != "" {
				r.Context["s3:prefix"] = []string{test.prefix}
			}
			if test.tag != "" {
				r.Context["aws:principaltag/tenant"] = []string{test.tag}
			}
			require.Equal(t, test.data, parse(t, resources.TenantData()).Allows(r))
			require.Equal(t, test.erasure, parse(t, resources.TenantErasure()).Allows(r))
		})
	}
}

func TestTrust(t *testing.T) {
	const id = "ten_01J00000000000000000000000"
	p := parse(t, policy.Trust(policytest.Role("api"), policytest.Role("ingest")))
	for name, test := range map[string]struct {
		who  string
		tags map[string]string
		want bool
	}{
		"a function, for a tenant":         {"api", map[string]string{"tenant": id}, true},
		"another function":                 {"ingest", map[string]string{"tenant": id}, true},
		"a role that is none of them":      {"other", map[string]string{"tenant": id}, false},
		"the role itself":                  {"tenant-data", map[string]string{"tenant": id}, false},
		"for no tenant":                    {"api", nil, false},
		"for what is no tenant":            {"api", map[string]string{"tenant": "*"}, false},
		"for what begins like one":         {"api", map[string]string{"tenant": id + "0"}, false},
		"with a tag more":                  {"api", map[string]string{"tenant": id, "project": "x"}, false},
		"with another tag":                 {"api", map[string]string{"project": id}, false},
		"with the tag in other letters":    {"api", map[string]string{"Tenant": id}, false},
		"with a value that is a text more": {"api", map[string]string{"tenant": id + "#x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, action := range []string{"sts:AssumeRole", "sts:TagSession"} {
				r := policytest.Request{Action: action, Principal: policytest.Role(test.who), Resource: resources.TenantRole, Context: map[string][]string{}}
				for key, value := range test.tags {
					r.Context["aws:requesttag/"+strings.ToLower(key)] = []string{value}
					r.Context["aws:tagkeys"] = append(r.Context["aws:tagkeys"], key)
				}
				require.Equal(t, test.want, p.Allows(r), action)
			}
		})
	}
	for _, action := range []string{"sts:AssumeRoleWithSAML", "sts:SetSourceIdentity", "sts:GetSessionToken"} {
		require.False(t, p.Allows(policytest.Request{Action: action, Principal: policytest.Role("api"),
			Context: map[string][]string{"aws:requesttag/tenant": {id}, "aws:tagkeys": {"tenant"}}}), fmt.Sprint(action))
	}
}

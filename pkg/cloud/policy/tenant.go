package policy

import (
	"strings"

	"github.com/tenantry/tenantry/pkg/store"
)

// Tag is the key of the session tag that holds the tenant's ID.
const Tag = "tenant"

const (
	leadingKeys  = "dynamodb:LeadingKeys"
	principalTag = "aws:PrincipalTag/" + Tag
	requestTag   = "aws:RequestTag/" + Tag
	tagKeys      = "aws:TagKeys"
	theTenant    = "${" + principalTag + "}"
)

// Resources are what the documents are about: ARNs, and placeholders of them as long as they are not known.
type Resources struct {
	Tables                  map[store.Table]string // all four
	Bucket                  string                 // of delivered files
	IngestQueue, JobsQueue  string
	RunsQueue               string // of collect
	TenantRole, ErasureRole string // tenant-data, and the same with the right to erase
	CustomerRoles           string // what CustomerRoles gives for the platform's partition
	DeadQueue               string // of what EventBridge Scheduler cannot send
	Schedules               string // any schedule of the stage's group: its ARN ends with the name, a wildcard
	SchedulerRole           string // by which EventBridge Scheduler sends
	Reconciler              string // functions/reconcile, which the platform's own clock invokes
}

// Actions on items. Those on several items at once are what IAM asks for beside or instead of the single ones: a
// transaction is asked for by its single actions, a batch by itself.
var (
	readItems   = []string{"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
	changeItems = []string{"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
		"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"}
	appendItems = append([]string{"dynamodb:PutItem"}, readItems...)
)

// TenantData is the policy of the tenant-data role: the items and files of the tenant that the session is tagged with. Rows
// of the audit log are added and read; that a row is not replaced is a condition of the call, which IAM cannot ask for.
func (r Resources) TenantData() Document {
	return document(append([]Statement{
		allow("TenantItems", changeItems, r.Tables[store.CoreTable], r.Tables[store.CostTable]).when(ofTenant()),
		allow("TenantAudit", appendItems, r.Tables[store.AuditTable]).when(ofTenant()),
	}, append(r.files("s3:GetObject", "s3:PutObject"),
		r.below("collected", "s3:DeleteObject"), r.below("deliveries", "s3:AbortMultipartUpload"))...)...)
}

// below allows actions on a folder of the tenant's files: what was collected is removed when it was collected anew, and the copying of a
// delivery can be given up. The wildcard is the rest of a file's name.
func (r Resources) below(folder string, actions ...string) Statement {
	return allow("TenantFilesOf"+strings.ToUpper(folder[:1])+folder[1:], actions, r.Bucket+"/tenants/"+theTenant+"/"+folder+"/*").
		when(Conditions{"Null": {principalTag: {"false"}}})
}

// TenantErasure is the policy of the role that jobs take: as TenantData, and the audit log and files can be erased.
func (r Resources) TenantErasure() Document {
	return document(append([]Statement{
		allow("TenantItems", changeItems, r.Tables[store.CoreTable], r.Tables[store.CostTable], r.Tables[store.AuditTable]).when(ofTenant()),
	}, append(r.files("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"),
		allow("TenantFileVersions", []string{"s3:ListBucketVersions"}, r.Bucket).when(belowTenant()))...)...)
}

// files are the tenant's. A list must name a prefix within them, and is what tells a missing file from one that is denied.
func (r Resources) files(actions ...string) []Statement {
	return []Statement{
		// The wildcard is the rest of a file's name.
		allow("TenantFiles", actions, r.Bucket+"/tenants/"+theTenant+"/*").
			when(Conditions{"Null": {principalTag: {"false"}}}),
		allow("TenantFileNames", []string{"s3:ListBucket"}, r.Bucket).when(belowTenant()),
	}
}

// belowTenant holds of lists of the tenant's files alone.
func belowTenant() Conditions {
	return Conditions{
		"StringLike": {"s3:prefix": {"tenants/" + theTenant + "/*"}},
		"Null":       {"s3:prefix": {"false"}, principalTag: {"false"}},
	}
}

// ofTenant holds of calls all of whose items are the tenant's. ForAllValues holds of none at all too: hence Null. IDs have
// one length, so that the wildcard after "#" reaches no other tenant.
func ofTenant() Conditions {
	c := keyed("T#"+theTenant, "T#"+theTenant+"#*")
	c["Null"][principalTag] = []string{"false"}
	return c
}

// keyed holds of calls all of whose items have partition keys like those.
func keyed(like ...string) Conditions {
	return Conditions{
		"ForAllValues:StringLike": {leadingKeys: like},
		"Null":                    {leadingKeys: {"false"}},
	}
}

// Trust is who may take the role of TenantData or TenantErasure, and how: roles of functions, for a session that is tagged
// with a tenant's ID and with nothing else.
func Trust(functions ...string) Document {
	return document(Statement{
		Sid: "FunctionsForOneTenant", Effect: "Allow", Principal: &Principal{AWS: functions},
		Action: []string{"sts:AssumeRole", "sts:TagSession"},
		Condition: Conditions{
			"StringLike":                {requestTag: {"ten_" + strings.Repeat("?", 26)}},
			"ForAllValues:StringEquals": {tagKeys: {Tag}},
			"Null":                      {requestTag: {"false"}, tagKeys: {"false"}},
		},
	})
}

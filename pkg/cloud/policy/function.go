package policy

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/store"
)

// writeDirectory is all that the control plane does to the directory.
var writeDirectory = []string{"dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
	"dynamodb:PutItem", "dynamodb:Query"}

var (
	send    = []string{"sqs:SendMessage"}
	consume = []string{"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
)

// API is the policy of functions/api: of the directory it reads who calls, by API key or person, item by item.
func (r Resources) API() Document {
	return document(
		take(r.TenantRole),
		allow("Callers", []string{"dynamodb:GetItem"}, r.Tables[store.DirectoryTable]).when(keyed("KEY#*", "SUB#*")),
		allow("SendToIngest", send, r.IngestQueue),
		allow("SendToJobs", send, r.JobsQueue),
		allow("SendToCollect", send, r.RunsQueue),
	)
}

// Admin is the policy of functions/admin: the whole directory is its own, and a change of it comes with a row of the audit
// log of the tenant that it is about, in one transaction, which has one caller.
func (r Resources) Admin() Document {
	return document(
		take(r.TenantRole),
		allow("Directory", writeDirectory, r.Tables[store.DirectoryTable]),
		r.auditOfDirectory(),
		allow("SendToJobs", send, r.JobsQueue),
		r.verify(),
	)
}

// CustomerRoles are all roles that connections can name, in a partition: of any account, since which are connected is not known
// before, and below the one path that none of the platform's own roles has.
func CustomerRoles(partition string) string { return "arn:" + partition + ":iam::*:role/tenantry/*" }

// verify takes roles of customers. There is no condition on sts:ExternalId, on purpose: that a role refuses who has none is
// found out by trying, and IAM's own refusal on this side would be taken for the customer's.
func (r Resources) verify() Statement {
	return allow("VerifyCustomers", []string{"sts:AssumeRole"}, r.CustomerRoles)
}

// Ingest is the policy of functions/ingest, which also sends messages to itself.
func (r Resources) Ingest() Document {
	return document(
		take(r.TenantRole),
		allow("Ingest", slices.Concat(consume, send), r.IngestQueue),
	)
}

// Collect is the policy of functions/collect, which also sends messages to itself, to ingest when it has collected costs, and to jobs
// when a connection that it has paused leaves schedules behind.
func (r Resources) Collect() Document {
	return document(
		take(r.TenantRole),
		allow("Collect", slices.Concat(consume, send), r.RunsQueue),
		allow("SendToIngest", send, r.IngestQueue),
		allow("SendToJobs", send, r.JobsQueue),
		r.read(),
	)
}

// read takes roles of customers, and none without an ExternalId: a role that asks for none is not read even by mistake.
func (r Resources) read() Statement {
	return allow("ReadCustomers", []string{"sts:AssumeRole"}, r.CustomerRoles).when(Conditions{"Null": {"sts:ExternalId": {"false"}}})
}

// Jobs is the policy of functions/jobs, which erase tenants: from the directory as themselves, all else by the role that may. They
// also make a tenant's schedules follow its projects.
func (r Resources) Jobs() Document {
	return document(append(r.schedules(),
		take(r.ErasureRole),
		allow("Directory", writeDirectory, r.Tables[store.DirectoryTable]),
		r.auditOfDirectory(),
		allow("Jobs", slices.Concat(consume, send), r.JobsQueue),
		allow("SendToIngest", send, r.IngestQueue),
	)...)
}

// Reconcile is the policy of functions/reconcile: of the directory it reads which tenants there are, gives up claims on accounts, and
// keeps how far it is.
func (r Resources) Reconcile() Document {
	return document(append(r.schedules(),
		take(r.TenantRole),
		allow("Tenants", []string{"dynamodb:GetItem", "dynamodb:Query"}, r.Tables[store.DirectoryTable]).when(keyed("TENANTS")),
		allow("Claims", []string{"dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query"}, r.Tables[store.DirectoryTable]).when(keyed("ACCT#*", "CLAIMS#ten_*")),
		allow("Place", []string{"dynamodb:GetItem", "dynamodb:PutItem"}, r.Tables[store.DirectoryTable]).when(keyed("RECONCILIATION")),
	)...)
}

// schedules are made and removed in the stage's group, and told to send by the one role that is for that: it can be passed to
// EventBridge Scheduler and to no other service.
func (r Resources) schedules() []Statement {
	return []Statement{
		allow("Schedules", []string{"scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule"}, r.Schedules),
		// IAM knows no resource for lists: the wildcard lets names of other groups be listed, and nothing be done to them.
		allow("ListSchedules", []string{"scheduler:ListSchedules"}, "*"),
		allow("PassSchedulerRole", []string{"iam:PassRole"}, r.SchedulerRole).
			when(Conditions{"StringEquals": {"iam:PassedToService": {schedulerService}}}),
	}
}

const schedulerService = "scheduler.amazonaws.com"

// Scheduler is the policy of the role by which EventBridge Scheduler sends.
func (r Resources) Scheduler() Document {
	return document(allow("Send", send, r.RunsQueue, r.DeadQueue))
}

// TrustScheduler is who may take that role: EventBridge Scheduler, for schedules of the group in the account
// (docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html).
func TrustScheduler(account, group string) Document {
	return document(Statement{
		Sid: "SchedulerForTheGroup", Effect: "Allow", Principal: &Principal{Service: []string{schedulerService}},
		Action:    []string{"sts:AssumeRole"},
		Condition: Conditions{"StringEquals": {"aws:SourceAccount": {account}, "aws:SourceArn": {group}}},
	})
}

func take(role string) Statement {
	return allow("BecomeOneTenant", []string{"sts:AssumeRole", "sts:TagSession"}, role)
}

// auditOfDirectory adds rows to audit logs and to nothing else of the table; the wildcards are the tenant and the month.
func (r Resources) auditOfDirectory() Statement {
	return allow("AuditOfDirectory", []string{"dynamodb:PutItem"}, r.Tables[store.AuditTable]).when(keyed("T#ten_*#A#*"))
}

package e2e

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// probe is a call that was recorded, with one thing in it that is somebody else's.
type probe struct {
	policytest.Request
	says string
}

// harmful are actions that no statement of the platform gives to whoever calls, by service.
var harmful = map[string][]string{
	"dynamodb": {"dynamodb:Scan", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteTable", "dynamodb:Query"},
	"s3":       {"s3:DeleteObject", "s3:PutObjectAcl", "s3:PutBucketPolicy", "s3:ListBucketVersions", "s3:DeleteBucket"},
	"sqs":      {"sqs:PurgeQueue", "sqs:ReceiveMessage", "sqs:DeleteQueue"}, "scheduler": {"scheduler:DeleteScheduleGroup"},
	"sts": {"sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"}, "lambda": {"lambda:UpdateFunctionCode"},
	"logs": {"logs:DeleteLogStream"}, "kms": {"kms:ScheduleKeyDeletion"}, "iam": {"iam:PutRolePolicy"},
}

var aTenant = regexp.MustCompile(`ten_[0-9A-HJKMNP-TV-Z]{26}`)

// probes are all that a call becomes.
func (r *Record) probes(d policytest.Decided) (all []probe) {
	add := func(says string, change func(*policytest.Request)) {
		request := d.Request
		request.Context = maps.Clone(d.Context)
		change(&request)
		all = append(all, probe{request, says + ": " + request.Action + " by " + short(d.Principal)})
	}
	service, _, _ := strings.Cut(d.Action, ":")
	for _, action := range harmful[service] {
		add("another action", func(q *policytest.Request) { q.Action = action })
	}
	for _, to := range r.elsewhere(d) {
		add("another resource, "+short(to), func(q *policytest.Request) { q.Resource = to })
	}
	for _, by := range r.principals() {
		add("another principal, "+short(by), func(q *policytest.Request) { q.Principal = by })
	}
	for key, values := range d.Context {
		add("without "+key, func(q *policytest.Request) { delete(q.Context, key) })
		add("one more "+key, func(q *policytest.Request) { q.Context[key] = append(slices.Clone(values), foreign) })
		for _, value := range strange(values, r.Stage) {
			add("another "+key, func(q *policytest.Request) { q.Context[key] = value })
		}
	}
	if strings.HasSuffix(d.Action, "AssumeRole") || strings.HasSuffix(d.Action, "TagSession") {
		add("with no tag", func(q *policytest.Request) {
			maps.DeleteFunc(q.Context, func(key string, _ []string) bool {
				return strings.HasPrefix(key, "aws:requesttag/") || key == "aws:tagkeys"
			})
		})
	}
	return all
}

// elsewhere are resources that are another tenant's, another stage's, and the account's own that others use.
func (r *Record) elsewhere(d policytest.Decided) (all []string) {
	all = append(all, aTenant.ReplaceAllString(d.Resource, foreignTenant), strings.ReplaceAll(d.Resource, "tenantry-"+r.Stage, "tenantry-"+foreign),
		strings.ReplaceAll(d.Resource, "/"+r.Stage+"/", "/"+foreign+"/"), strings.ReplaceAll(d.Resource, ":role/tenantry/", ":role/"),
		strings.ReplaceAll(d.Resource, "tenants/", "of-nobody/"))
	service, _, _ := strings.Cut(d.Action, ":")
	if service == "sts" {
		all = append(all, "arn:aws:iam::"+foreignAccount+":role/"+foreign)
	}
	seen := map[string]bool{d.Resource: true}
	for _, other := range r.Calls {
		if strings.HasPrefix(other.Action, service+":") && !seen[other.Resource] && len(seen) < 40 && !aTenant.MatchString(other.Resource) {
			seen[other.Resource] = true
			all = append(all, other.Resource)
		}
	}
	return slices.DeleteFunc(all, func(to string) bool { return to == d.Resource })
}

// principals are all roles that have called, and some that never did.
func (r *Record) principals() []string {
	seen := map[string]bool{"arn:aws:iam::" + foreignAccount + ":role/" + foreign: true, "arn:aws:iam::" + policytest.AccountID + ":role/" + foreign: true,
		"ec2.amazonaws.com": true}
	for _, d := range r.Calls {
		if strings.Contains(d.Principal, ":role/") {
			seen[d.Principal] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// strange are values in the place of others: of another tenant, another stage, another account, of less safety, or of nobody.
func strange(values []string, stage string) (all [][]string) {
	for _, change := range []func(string) string{
		func(s string) string { return aTenant.ReplaceAllString(s, foreignTenant) },
		func(s string) string { return strings.ReplaceAll(s, "tenantry-"+stage, "tenantry-"+foreign) },
		func(s string) string { return strings.ReplaceAll(s, policytest.AccountID, foreignAccount) },
		func(s string) string { return map[string]string{"true": "false", "1.3": "1.0"}[s] },
		func(string) string { return foreign },
	} {
		other := make([]string, len(values))
		for i := range values {
			other[i] = change(values[i])
		}
		if !slices.Equal(values, other) {
			all = append(all, other)
		}
	}
	return all
}

package policy

import (
	"slices"
	"strings"
)

const lambdaService = "lambda.amazonaws.com"

// TrustLambda is who may take a function's role: Lambda, for that function. That Lambda says for which function it asks is not promised,
// hence IfExists; who else may give the role to a function is bounded by iam:PassRole.
func TrustLambda(account, function string) Document {
	return document(Statement{
		Sid: "LambdaForTheFunction", Effect: "Allow", Principal: &Principal{Service: []string{lambdaService}},
		Action: []string{"sts:AssumeRole"},
		Condition: Conditions{
			"StringEqualsIfExists": {"aws:SourceAccount": {account}}, "ArnLikeIfExists": {"aws:SourceArn": {function}},
		},
	})
}

// Logs is the policy of whoever writes into a log group, which is there already.
func Logs(group string) Document {
	return document(allow("Log", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, group+":log-stream:*"))
}

// DeadLetters is the policy of a function that is invoked without a queue: Lambda sends what it cannot do, as the function.
func (r Resources) DeadLetters() Document {
	return document(allow("SendToDead", send, r.DeadQueue))
}

// Clock is the policy of the role by which the platform's own schedules ask for work.
func (r Resources) Clock() Document {
	return document(
		allow("AskForWork", send, r.JobsQueue, r.DeadQueue),
		allow("Reconcile", []string{"lambda:InvokeFunction"}, r.Reconciler),
	)
}

// wildcards are the reasons of the statements whose resources have a wildcard, by Sid.
var wildcards = map[string]string{
	"Log":                "log streams are named by Lambda, in a group of the function's own",
	"ListSchedules":      "IAM knows no resource for lists of schedules; names of other groups can be listed and nothing be done to them",
	"Schedules":          "the wildcard is a schedule's name in the stage's own group",
	"VerifyCustomers":    "which accounts are connected is not known before; only roles below /tenantry/ and those refuse whoever has not their ExternalId",
	"ReadCustomers":      "which accounts are connected is not known before; only roles below /tenantry/, and none without an ExternalId",
	"TenantFiles":        "the wildcard is a file's name in the folder of the tenant that the session is tagged with",
	"TenantFilesOf":      "the wildcard is a file's name in a folder of the tenant that the session is tagged with",
	"Assets":             "assets are named by their hash, in the bucket of the CDK's bootstrap, which holds code and no data",
	"PageFiles":          "the wildcard is a file's name in the bucket of the page alone",
	"Invalidate":         "a distribution's ID is not known before it is made; all that can be done is to have it read its files again",
	"TenantFileVersions": "the wildcard is a file's name in the folder of the tenant that the session is tagged with",
}

// Wildcards gives the reasons of all wildcards in the resources of documents, "" where there are none. A wildcard without a reason
// panics: it is not deployed.
func Wildcards(all ...Document) string {
	var why []string
	for _, d := range all {
		for _, s := range d.Statement {
			if !slices.ContainsFunc(s.Resource, func(r string) bool { return strings.Contains(r, "*") }) {
				continue
			}
			sid := s.Sid
			if strings.HasPrefix(sid, "TenantFilesOf") {
				sid = "TenantFilesOf"
			}
			reason, ok := wildcards[sid]
			if !ok {
				panic("statement " + s.Sid + " has a wildcard and no reason")
			}
			why = append(why, s.Sid+": "+reason)
		}
	}
	return strings.Join(why, ". ")
}

// Page is the policy of what a deployment runs to put the page into its bucket: it reads the deployment's assets and tells CloudFront
// that the page is another.
func Page(assets, page, distributions string) Document {
	return document(
		allow("Assets", []string{"s3:GetObject"}, assets+"/*"),
		allow("PageFiles", []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}, page+"/*"),
		allow("PageFileNames", []string{"s3:ListBucket"}, assets, page),
		allow("Invalidate", []string{"cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"}, distributions),
	)
}

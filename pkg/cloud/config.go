// Package cloud wires the functions for Lambda: API Gateway and SQS on one side; DynamoDB, S3 and SQS on the other.
// Nothing is made before a request needs it, so that a cold start pays only for what it does.
package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Config of every function, of which Region and Stage are needed to start. What else is missing fails only the requests
// that need it.
type Config struct {
	Region    string                 // AWS_REGION
	Stage     string                 // TENANTRY_STAGE: of lower-case letters, digits and hyphens, at most 32
	Tables    map[store.Table]string // TENANTRY_TABLE_DIRECTORY and so on; tenantry-<stage>-<table> where absent
	Bucket    string                 // TENANTRY_BUCKET, of delivered files; tenantry-<stage>-imports where absent
	QueueURL  string                 // TENANTRY_QUEUE_URL, of the ingest worker
	JobsURL   string                 // TENANTRY_JOBS_QUEUE_URL, of the worker of long work
	Schedules Schedules              // TENANTRY_SCHEDULE_GROUP and so on
	RunsURL   string                 // TENANTRY_RUNS_QUEUE_URL, of the worker of collection
	Role      string                 // TENANTRY_TENANT_ROLE_ARN, of the role that the function takes for a tenant; without it no tenant's data is reached
	Issuer    string                 // TENANTRY_ISSUER, of access tokens: its https URL
	ClientIDs []string               // TENANTRY_CLIENT_IDS, comma-separated: clients whose Cognito tokens are taken
	Plan      tenant.Plan            // TENANTRY_PLAN, of new tenants: free (where absent), team or enterprise
	Grace     time.Duration          // TENANTRY_GRACE, of tenants that are deleted: 1h to 2160h; 168h where absent
	Principal string                 // TENANTRY_PRINCIPAL_ARN, whom customers' roles trust: the platform's account or a role of it; without it no role is asked for
	Audiences []string               // TENANTRY_AUDIENCES, comma-separated: audiences of other issuers' tokens
}

// Schedules say how EventBridge Scheduler sends what is to be collected.
type Schedules struct {
	Group    string // TENANTRY_SCHEDULE_GROUP, of schedules; tenantry-<stage> where absent
	QueueARN string // TENANTRY_SCHEDULE_QUEUE_ARN, of the collect queue; without the next three nothing is scheduled
	RoleARN  string // TENANTRY_SCHEDULE_ROLE_ARN, of the role by which EventBridge Scheduler sends to it
	DeadARN  string // TENANTRY_SCHEDULE_DEAD_ARN, of the queue of messages that it cannot send
}

// ReadConfig reads the environment and puts the defaults in.
func ReadConfig(getenv func(string) string) Config {
	c := Config{
		Region: getenv("AWS_REGION"), Stage: getenv("TENANTRY_STAGE"), Tables: map[store.Table]string{},
		Bucket: getenv("TENANTRY_BUCKET"), QueueURL: getenv("TENANTRY_QUEUE_URL"), JobsURL: getenv("TENANTRY_JOBS_QUEUE_URL"),
		RunsURL: getenv("TENANTRY_RUNS_QUEUE_URL"),
		Role:    getenv("TENANTRY_TENANT_ROLE_ARN"), Issuer: getenv("TENANTRY_ISSUER"),
		ClientIDs: list(getenv("TENANTRY_CLIENT_IDS")), Audiences: list(getenv("TENANTRY_AUDIENCES")),
		Principal: getenv("TENANTRY_PRINCIPAL_ARN"),
		Plan:      tenant.Plan(cmp.Or(getenv("TENANTRY_PLAN"), string(tenant.Free))),
	}
	c.Schedules = Schedules{Group: cmp.Or(getenv("TENANTRY_SCHEDULE_GROUP"), "tenantry-"+c.Stage), QueueARN: getenv("TENANTRY_SCHEDULE_QUEUE_ARN"),
		RoleARN: getenv("TENANTRY_SCHEDULE_ROLE_ARN"), DeadARN: getenv("TENANTRY_SCHEDULE_DEAD_ARN")}
	c.Grace, _ = time.ParseDuration(cmp.Or(getenv("TENANTRY_GRACE"), "168h")) // 0 is refused
	for _, t := range store.Tables {
		c.Tables[t] = getenv("TENANTRY_TABLE_" + strings.ToUpper(string(t)))
		if c.Tables[t] == "" {
			c.Tables[t] = "tenantry-" + c.Stage + "-" + string(t)
		}
	}
	if c.Bucket == "" {
		c.Bucket = "tenantry-" + c.Stage + "-imports"
	}
	return c
}

// list splits at commas; "" gives none.
func list(s string) (all []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// Validate names every variable that is missing or not of its form.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, name, value, form string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s is %q: it must be %s", name, value, form))
		}
	}
	check(named(c.Region, 9, 32, lower+"-"), "AWS_REGION", c.Region, "a region, as eu-west-1")
	check(named(c.Stage, 1, 32, lower+"-"), "TENANTRY_STAGE", c.Stage, "1 to 32 lower-case letters, digits and hyphens")
	for _, t := range store.Tables {
		check(named(c.Tables[t], 3, 255, lower+upper+"-_."), "TENANTRY_TABLE_"+strings.ToUpper(string(t)), c.Tables[t], "the name of a DynamoDB table")
	}
	check(named(c.Bucket, 3, 63, lower+"-."), "TENANTRY_BUCKET", c.Bucket, "the name of an S3 bucket")
	check(c.QueueURL == "" || isURL(c.QueueURL), "TENANTRY_QUEUE_URL", c.QueueURL, "the https URL of an SQS queue")
	check(c.JobsURL == "" || isURL(c.JobsURL), "TENANTRY_JOBS_QUEUE_URL", c.JobsURL, "the https URL of an SQS queue")
	check(named(c.Schedules.Group, 1, 64, lower+upper+"-_."), "TENANTRY_SCHEDULE_GROUP", c.Schedules.Group, "the name of a schedule group")
	check(c.Schedules.QueueARN == "" || isQueue(c.Schedules.QueueARN), "TENANTRY_SCHEDULE_QUEUE_ARN", c.Schedules.QueueARN, "the ARN of an SQS queue")
	check(c.Schedules.RoleARN == "" || isRole(c.Schedules.RoleARN), "TENANTRY_SCHEDULE_ROLE_ARN", c.Schedules.RoleARN, "the ARN of an IAM role")
	check(c.Schedules.DeadARN == "" || isQueue(c.Schedules.DeadARN), "TENANTRY_SCHEDULE_DEAD_ARN", c.Schedules.DeadARN, "the ARN of an SQS queue")
	check(c.RunsURL == "" || isURL(c.RunsURL), "TENANTRY_RUNS_QUEUE_URL", c.RunsURL, "the https URL of an SQS queue")
	check(c.Role == "" || isRole(c.Role), "TENANTRY_TENANT_ROLE_ARN", c.Role, "the ARN of an IAM role")
	check(c.Principal == "" || connection.IsPrincipal(c.Principal), "TENANTRY_PRINCIPAL_ARN", c.Principal, "the ARN of an IAM role, or arn:aws:iam::<account>:root")
	check(c.Issuer == "" || isURL(c.Issuer), "TENANTRY_ISSUER", c.Issuer, "the https URL of an OpenID Connect issuer")
	check(c.Issuer == "" || len(c.ClientIDs)+len(c.Audiences) > 0, "TENANTRY_CLIENT_IDS", "", "given, or TENANTRY_AUDIENCES, where TENANTRY_ISSUER is")
	check(c.Grace >= time.Hour && c.Grace <= 2160*time.Hour, "TENANTRY_GRACE", c.Grace.String(), "a duration between 1h and 2160h")
	_, err := tenant.ParsePlan(string(c.Plan))
	check(err == nil, "TENANTRY_PLAN", string(c.Plan), "free, team or enterprise")
	return errors.Join(errs...)
}

const (
	lower = "abcdefghijklmnopqrstuvwxyz0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// named tells whether s has min to max of the characters, and begins and ends with a letter or digit.
func named(s string, min, max int, characters string) bool {
	return len(s) >= min && len(s) <= max && strings.Trim(s, characters) == "" && strings.Trim(s, "-_.") == s
}

// isRole tells whether s is an IAM role's ARN.
func isRole(s string) bool {
	a, err := arn.Parse(s)
	name, ok := strings.CutPrefix(a.Resource, "role/")
	return err == nil && a.Service == "iam" && len(a.AccountID) == 12 && strings.Trim(a.AccountID, "0123456789") == "" && ok && name != ""
}

// isQueue tells whether s is an SQS queue's ARN.
func isQueue(s string) bool {
	a, err := arn.Parse(s)
	return err == nil && a.Service == "sqs" && len(a.AccountID) == 12 && a.Resource != ""
}

// isURL tells whether s is an https URL, or one of this machine.
func isURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

package platform

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Config is what is said of a stage by context: `cdk -c <key>=<value>` or the context of cdk.json. All of it has a default.
type Config struct {
	Stage    string                 // stage: of lower-case letters, digits and hyphens, at most 32; dev where absent
	Arch     string                 // arch: arm64 (where absent) or x86_64
	Build    string                 // build: the folder of <arch>/<function>/bootstrap; build where absent
	Page     string                 // page: the folder of the web page; pkg/dashboard/dist where it is there, else a placeholder
	Adopted  map[store.Table]string // table.<table>: the name of a table that is there, a restored one; where absent the stage's own is made
	Bucket   string                 // bucket: the name of a bucket of delivered files that is there; where absent the stage's own is made
	Issuer   string                 // issuer: the https URL of an issuer of access tokens; where absent a Cognito user pool is made
	Clients  string                 // clients: client IDs of that issuer, comma-separated, where it is a Cognito user pool
	Audience string                 // audiences: of that issuer's tokens, comma-separated, where it is another
	Plan     string                 // plan: of new tenants: free (where absent), team or enterprise
	Grace    string                 // grace: of tenants that are deleted: 168h where absent
	Trusted  string                 // principal: the ARN that customers' roles trust; the account where absent
	Domain   string                 // domain: of the page and the API; CloudFront's own where absent
	Cert     string                 // certificate: the ARN of its certificate in us-east-1, needed with domain
	WAF      string                 // waf: the ARN of a web ACL of CloudFront; none where absent
	Email    string                 // email: who is told of alarms and of the budget; nobody where absent
	Budget   int                    // budget: what the platform may cost in a month, in US dollars; 50 where absent
}

// ReadConfig reads the context. The error says all that is wrong with it, and what is to be done.
func ReadConfig(node constructs.Node) (Config, error) {
	get := func(key, absent string) string {
		if value := node.TryGetContext(jsii.String(key)); value != nil && value != "" {
			return fmt.Sprint(value)
		}
		return absent
	}
	c := Config{
		Stage: get("stage", "dev"), Arch: get("arch", "arm64"), Build: get("build", "build"), Page: get("page", ""), Adopted: map[store.Table]string{},
		Bucket: get("bucket", ""), Issuer: get("issuer", ""), Clients: get("clients", ""), Audience: get("audiences", ""), Plan: get("plan", string(tenant.Free)),
		Grace: get("grace", "168h"), Trusted: get("principal", ""), Domain: get("domain", ""), Cert: get("certificate", ""), WAF: get("waf", ""), Email: get("email", ""),
	}
	for _, t := range store.Tables {
		if name := get("table."+string(t), ""); name != "" {
			c.Adopted[t] = name
		}
	}
	var err error
	if c.Budget, err = strconv.Atoi(get("budget", "50")); err != nil {
		c.Budget = -1 // which Validate refuses
	}
	return c, c.Validate()
}

var (
	stageForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	certForm  = regexp.MustCompile(`^arn:[a-z-]+:acm:us-east-1:\d{12}:certificate/.+$`)
	wafForm   = regexp.MustCompile(`^arn:[a-z-]+:wafv2:us-east-1:\d{12}:global/webacl/.+$`)
)

// Validate names every value that is missing or not of its form. What the functions are given they look at again themselves.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, key, value, form string) {
		if !ok {
			errs = append(errs, fmt.Errorf("context %s is %q: it must be %s", key, value, form))
		}
	}
	check(stageForm.MatchString(c.Stage), "stage", c.Stage, "1 to 32 lower-case letters, digits and hyphens")
	check(c.Arch == "arm64" || c.Arch == "x86_64", "arch", c.Arch, "arm64 or x86_64")
	u, err := url.Parse(c.Issuer)
	local := err == nil && u.Scheme == "http" && net.ParseIP(u.Hostname()).IsLoopback() // as functions take it, for what is tried on one machine
	check(c.Issuer == "" || err == nil && u.Scheme == "https" && u.Host != "" || local, "issuer", c.Issuer, "an https URL")
	check(c.Issuer == "" || c.Clients+c.Audience != "", "clients", "", "given, or audiences, where issuer is")
	check(c.Issuer != "" || c.Clients+c.Audience == "", "issuer", "", "given where clients or audiences are")
	check(c.Domain == "" || strings.Contains(c.Domain, ".") && !strings.Contains(c.Domain, "/"), "domain", c.Domain, "the name of a host")
	check((c.Domain == "") == (c.Cert == ""), "certificate", c.Cert, "given with domain, and only then")
	check(c.Cert == "" || certForm.MatchString(c.Cert), "certificate", c.Cert, "the ARN of a certificate in us-east-1, where CloudFront takes it from")
	check(c.WAF == "" || wafForm.MatchString(c.WAF), "waf", c.WAF, "the ARN of a web ACL of CloudFront, which is in us-east-1")
	check(c.Email == "" || strings.Contains(c.Email, "@"), "email", c.Email, "an e-mail address")
	_, err = tenant.ParsePlan(c.Plan)
	check(err == nil, "plan", c.Plan, "free, team or enterprise")
	grace, err := time.ParseDuration(c.Grace)
	check(err == nil && grace >= time.Hour && grace <= 2160*time.Hour, "grace", c.Grace, "a duration between 1h and 2160h")
	for _, f := range functions {
		_, err := os.Stat(filepath.Join(names{c}.asset(f), "bootstrap"))
		check(err == nil, "build", c.Build, "a folder with "+f+" for "+c.Arch+": make build makes it")
	}
	if c.Page != "" {
		_, err := os.Stat(filepath.Join(c.Page, "index.html"))
		check(err == nil, "page", c.Page, "a folder with an index.html")
	}
	check(c.Budget > 0, "budget", "", "a whole number of US dollars")
	return errors.Join(errs...)
}

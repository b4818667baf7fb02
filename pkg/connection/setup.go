package connection

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Setup is what the account of a connection needs.
type Setup struct {
	AccountID      string     `json:"accountId"`
	ExternalID     string     `json:"externalId"`
	Principal      string     `json:"principal" doc:"Who takes the role."`
	RolePath       string     `json:"rolePath" doc:"What the role must lie below: the platform may take no others."`
	TrustPolicy    string     `json:"trustPolicy" doc:"JSON, as IAM takes it."`
	Permissions    string     `json:"permissions" doc:"JSON, as IAM takes it."`
	Actions        []Action   `json:"actions" doc:"Every action of the permissions, with its reason."`
	QuickCreateURL string     `json:"quickCreateUrl,omitempty" doc:"Opens the console of CloudFormation with the template filled in."`
	ValidUntil     *time.Time `json:"validUntil,omitempty" doc:"Of quickCreateUrl."`
}

type setupIn struct {
	ConnectionID string `path:"connectionId" doc:"con_ and 26 characters."`
	ExportBucket string `query:"exportBucket" maxLength:"63" doc:"A bucket that FOCUS data exports are delivered to, beside those of the connection's exports."`
}

type setupOut struct{ Body Setup }

type templateIn struct {
	ConnectionID string `path:"connectionId" doc:"con_ and 26 characters."`
	ExportBucket string `query:"exportBucket" maxLength:"63" doc:"A bucket that FOCUS data exports are delivered to, beside those of the connection's exports."`
	Accept       string `header:"Accept" doc:"application/json for JSON."`
}

// Template is a template as JSON.
type Template struct {
	Template string `json:"template" doc:"YAML."`
}

type templateOut struct {
	Body Template
	name string
	json bool
}

// Alternate gives YAML, unless JSON was asked for.
func (o *templateOut) Alternate() (string, func(io.Writer) error) {
	if o.json {
		return "", nil
	}
	return "text/yaml; charset=utf-8", func(w io.Writer) error { _, err := io.WriteString(w, o.Body.Template); return err }
}

// FileName is the template's.
func (o *templateOut) FileName() string { return o.name }

func (s *Service) template(ctx context.Context, scope *tenant.Scope, in *templateIn) (*templateOut, error) {
	a, err := s.account(ctx, scope, in.ConnectionID, in.ExportBucket)
	if err != nil {
		return nil, err
	}
	return &templateOut{Template{string(a.template())}, fileName(a), strings.Contains(in.Accept, "application/json")}, nil
}

func fileName(a account) string { return "tenantry-" + a.AccountID + ".yaml" }

// linkTime is how long a quick-create link is good: as long as credentials that sign an address can be.
const linkTime = time.Hour

// setup keeps the template among the tenant's files, where the console of CloudFormation, which takes templates from S3 alone,
// can fetch it by an address of S3 that is good for a while.
func (s *Service) setup(ctx context.Context, scope *tenant.Scope, in *setupIn) (*setupOut, error) {
	a, err := s.account(ctx, scope, in.ConnectionID, in.ExportBucket)
	if err != nil {
		return nil, err
	}
	out := &setupOut{Setup{AccountID: a.AccountID, ExternalID: a.ExternalID, Principal: a.principal, RolePath: RolePath, TrustPolicy: a.trust(),
		Permissions: a.permissions()}}
	for _, action := range Actions() {
		if action.Use != Exports || len(a.buckets) > 0 {
			out.Body.Actions = append(out.Body.Actions, action)
		}
	}
	if scope.Standing().Status != tenant.Active {
		return out, nil // nothing is written, a template neither
	}
	name := "connections/" + string(a.ID) + "/template.yaml"
	if err := s.Files.Put(ctx, scope, name, a.template()); err != nil {
		return nil, err
	}
	address, err := s.Files.DownloadURL(ctx, scope, name, fileName(a), linkTime)
	if err != nil || !strings.HasPrefix(address, "https://") {
		return out, err // CloudFormation cannot read from this machine
	}
	until := s.now().Add(linkTime)
	out.Body.QuickCreateURL, out.Body.ValidUntil = a.quickCreate(address), &until
	return out, nil
}

// consoles are where CloudFormation's console is, and the region of its stack where the connection names none: IAM has none.
var consoles = map[string]struct{ host, region string }{
	"aws":        {"console.aws.amazon.com", "us-east-1"},
	"aws-cn":     {"console.amazonaws.cn", "cn-north-1"},
	"aws-us-gov": {"console.amazonaws-us-gov.com", "us-gov-west-1"},
}

// quickCreate is CloudFormation's link to create a stack of a template.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
func (a account) quickCreate(template string) string {
	at := consoles[a.Partition]
	if len(a.Regions) > 0 {
		at.region = a.Regions[0]
	}
	parameters := url.Values{"templateURL": {template}, "stackName": {"tenantry"}, "param_ExternalId": {a.ExternalID}, "param_Principal": {a.principal}}
	return "https://" + at.host + "/cloudformation/home?region=" + at.region + "#/stacks/quickcreate?" + parameters.Encode()
}

// account reads what a connection asks its account for.
func (s *Service) account(ctx context.Context, scope *tenant.Scope, id, bucket string) (account, error) {
	if bucket != "" && !isBucket(bucket) {
		return account{}, fault.New(fault.Invalid, "This is no name of an S3 bucket.").At("query.exportBucket", bucketRule, bucket)
	}
	_, c, _, err := s.find(ctx, scope, id)
	if err != nil {
		return account{}, err
	}
	if s.Principal == "" {
		return account{}, noPrincipal()
	}
	return account{c, s.Principal, c.buckets(bucket)}, nil
}

// noPrincipal is the refusal of roles where it is not known whom they are to trust.
func noPrincipal() error {
	return fault.New(fault.Unavailable, "Connecting accounts by roles is not set up here: whoever runs the platform sets TENANTRY_PRINCIPAL_ARN. Where it "+
		"runs on your own machine, PATCH the connection with a `profile` of that machine's AWS configuration instead.")
}

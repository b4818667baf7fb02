package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// ruled are the types that rules are made of.
var ruled = []string{"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::KMS::Key",
	"AWS::Lambda::Permission"}

// managed are policies of AWS's own that templates may name.
var managed = map[string]string{
	"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`,
}

// enact has the template's documents hold, and no others.
func (p *Platform) enact(t testing.TB, a *Assembly) {
	t.Helper()
	var rules []policytest.Rule
	for _, s := range a.Stacks {
		for _, kind := range ruled {
			for _, id := range s.Find(kind) {
				exists, err := p.resolver.Exists(s, id)
				require.NoError(t, err)
				if !exists {
					continue
				}
				of, err := p.rulesOf(s, kind, id)
				require.NoError(t, err, "%s %s of %s", kind, id, s.Name)
				rules = append(rules, of...)
			}
		}
	}
	p.Account.Enact(t, rules...)
}

// rulesOf gives the rules that a resource makes.
func (p *Platform) rulesOf(s *Stack, kind, id string) ([]policytest.Rule, error) {
	switch kind {
	case "AWS::IAM::Role":
		return p.roleRules(s, id)
	case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
		return p.policyRules(s, id)
	case "AWS::Lambda::Permission":
		return p.permissionRules(s, id)
	case "AWS::KMS::Key":
		return p.keyRules(s, id)
	}
	return p.resourceRules(s, id)
}

func (p *Platform) roleRules(s *Stack, id string) ([]policytest.Rule, error) {
	var in struct {
		AssumeRolePolicyDocument json.RawMessage
		Policies                 []struct {
			PolicyName     string
			PolicyDocument json.RawMessage
		}
		ManagedPolicyArns                                     []string
		RoleName, Path, Description, MaxSessionDuration, Tags anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return nil, err
	}
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return nil, err
	}
	trust, err := p.principals(in.AssumeRolePolicyDocument)
	rules := []policytest.Rule{{Kind: policytest.Trust, Of: arn, Name: id + " trust", Document: trust}}
	for _, of := range in.Policies {
		rules = append(rules, policytest.Rule{Kind: policytest.Identity, Of: arn, Name: id + " " + of.PolicyName, Document: of.PolicyDocument})
	}
	for _, of := range in.ManagedPolicyArns {
		if document, ok := managed[of]; ok {
			rules = append(rules, policytest.Rule{Kind: policytest.Identity, Of: arn, Name: id + " " + of[strings.LastIndexByte(of, '/')+1:], Document: []byte(document)})
		} else if !strings.HasPrefix(of, p.World.arn("iam", "policy/")) { // those of the template say themselves whose they are: policyRules
			return nil, fmt.Errorf("nothing is known of the managed policy %s", of)
		}
		p.managedBy[of] = append(p.managedBy[of], arn)
	}
	return rules, err
}

func (p *Platform) policyRules(s *Stack, id string) (rules []policytest.Rule, err error) {
	var in struct {
		PolicyDocument                             json.RawMessage
		Roles                                      []string
		PolicyName, ManagedPolicyName, Description anything
		Path                                       anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return nil, err
	}
	var arns []string
	for _, name := range in.Roles {
		arn, err := p.roleNamed(name)
		if err != nil {
			return nil, err
		}
		arns = append(arns, arn)
	}
	own, err := p.resolver.physical(s, id)
	if err != nil {
		return nil, err
	}
	for _, arn := range append(arns, p.managedBy[own.ref]...) {
		rules = append(rules, policytest.Rule{Kind: policytest.Identity, Of: arn, Name: id, Document: in.PolicyDocument})
	}
	return rules, nil
}

// roleNamed gives the ARN of the template's role of a name.
func (p *Platform) roleNamed(name string) (string, error) {
	for _, s := range p.resolver.assembly.Stacks {
		for _, id := range s.Find("AWS::IAM::Role") {
			if of, err := p.resolver.physical(s, id); err == nil && of.ref == name {
				return of.attributes["Arn"].(string), nil
			}
		}
	}
	return "", fmt.Errorf("there is no role %s", name)
}

// resourceRules are of a bucket's or queues' policy.
func (p *Platform) resourceRules(s *Stack, id string) (rules []policytest.Rule, err error) {
	var in struct {
		PolicyDocument json.RawMessage
		Bucket         string
		Queues         []string
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return nil, err
	}
	document, err := p.principals(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	if in.Bucket != "" {
		rules = append(rules, policytest.Rule{Kind: policytest.Resource, Of: p.World.arn("s3", in.Bucket), Name: id, Document: document})
	}
	for _, url := range in.Queues {
		rules = append(rules, policytest.Rule{Kind: policytest.Resource, Of: p.World.arn("sqs", url[strings.LastIndexByte(url, '/')+1:]), Name: id, Document: document})
	}
	return rules, nil
}

// keyRules are of a key, of which "*" is the key itself.
func (p *Platform) keyRules(s *Stack, id string) ([]policytest.Rule, error) {
	var in struct {
		KeyPolicy                                                                                                   json.RawMessage
		EnableKeyRotation, Description, Tags, PendingWindowInDays, Enabled, KeySpec, KeyUsage, RotationPeriodInDays anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return nil, err
	}
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return nil, err
	}
	document, err := p.principals(in.KeyPolicy)
	return []policytest.Rule{{Kind: policytest.Resource, Of: arn, Name: id, Document: document}}, err
}

// permissionRules are what lets a service invoke a function.
func (p *Platform) permissionRules(s *Stack, id string) ([]policytest.Rule, error) {
	var in struct{ Action, FunctionName, Principal, SourceArn, SourceAccount string }
	if err := p.resolver.Into(s, id, &in); err != nil {
		return nil, err
	}
	conditions := map[string]map[string]string{}
	if in.SourceArn != "" {
		conditions["ArnLike"] = map[string]string{"aws:SourceArn": in.SourceArn}
	}
	if in.SourceAccount != "" {
		conditions["StringEquals"] = map[string]string{"aws:SourceAccount": in.SourceAccount}
	}
	arn := in.FunctionName
	if !strings.HasPrefix(arn, "arn:") {
		arn = p.World.arn("lambda", "function:"+arn)
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Sid": "Invoke", "Effect": "Allow",
		"Principal": map[string]string{"Service": in.Principal}, "Action": in.Action, "Resource": arn, "Condition": conditions}}})
	return []policytest.Rule{{Kind: policytest.Resource, Of: arn, Name: id, Document: document}}, err
}

// principals writes account IDs, which a principal may be, as the ARNs that they stand for.
func (p *Platform) principals(document json.RawMessage) (json.RawMessage, error) {
	var d map[string]any
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	statements, _ := d["Statement"].([]any)
	for _, s := range statements {
		of, _ := s.(map[string]any)
		by, _ := of["Principal"].(map[string]any)
		if account, ok := by["AWS"].(string); ok && account == p.World.Account {
			by["AWS"] = p.World.arn("iam", "root")
		}
	}
	return json.Marshal(d)
}

// encrypted notes the key that something is encrypted with: its ARN, or its ID; "" where it is AWS's own.
func (p *Platform) encrypted(arn, key string) {
	if key == "" || strings.HasPrefix(key, "alias/aws/") {
		return
	}
	if !strings.HasPrefix(key, "arn:") {
		key = p.World.arn("kms", "key/"+key)
	}
	p.keys[arn] = key
}

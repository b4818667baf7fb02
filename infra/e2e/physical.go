package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// physical is what CloudFormation says of a resource that it has made: what Ref gives, and its attributes. Names that a template leaves
// out are made up of the stack's, the logical ID and the generation.
type physical struct {
	ref        string
	attributes map[string]any
}

// maker names a resource: name is its own name where it is "" in the template, made is one made up.
type maker struct {
	named string // the property that has its name; "" where CloudFormation always makes one up
	lower bool   // in lower-case letters alone
	make  func(w World, name string) physical
}

// only is a resource of which there is nothing but a reference.
var only = maker{make: func(_ World, name string) physical { return physical{ref: name} }}

// withARN is one whose reference is its name and that has an ARN.
func withARN(named, service, kind string) maker {
	return maker{named: named, make: func(w World, name string) physical {
		return physical{name, map[string]any{"Arn": w.arn(service, kind+name)}}
	}}
}

// withID is one whose reference is an ID that is an attribute too.
func withID(attribute string) maker {
	return maker{make: func(_ World, name string) physical { return physical{name, map[string]any{attribute: name}} }}
}

func (w World) arn(service, resource string) string {
	region, account := w.Region, w.Account
	switch service {
	case "iam", "cloudfront", "budgets":
		region = ""
	case "s3":
		region, account = "", ""
	}
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", w.Partition, service, region, account, resource)
}

// makers are all types of resources that templates may refer to.
var makers = map[string]maker{
	"AWS::DynamoDB::Table":       withARN("TableName", "dynamodb", "table/"),
	"AWS::DynamoDB::GlobalTable": withARN("TableName", "dynamodb", "table/"),
	"AWS::S3::Bucket": {named: "BucketName", lower: true, make: func(w World, name string) physical {
		return physical{name, map[string]any{"Arn": w.arn("s3", name), "DomainName": name + ".s3.amazonaws.com",
			"RegionalDomainName": name + ".s3." + w.Region + ".amazonaws.com"}}
	}},
	"AWS::SQS::Queue": {named: "QueueName", make: func(w World, name string) physical {
		url := "https://sqs." + w.Region + ".amazonaws.com/" + w.Account + "/" + name
		return physical{url, map[string]any{"Arn": w.arn("sqs", name), "QueueName": name, "QueueUrl": url}}
	}},
	"AWS::KMS::Key": {make: func(w World, name string) physical {
		return physical{name, map[string]any{"Arn": w.arn("kms", "key/"+name), "KeyId": name}}
	}},
	"AWS::KMS::Alias": {named: "AliasName", make: only.make},
	"AWS::IAM::Role":  withARN("RoleName", "iam", "role/"), // with its path: see physical
	"AWS::IAM::ManagedPolicy": {named: "ManagedPolicyName", make: func(w World, name string) physical {
		return physical{w.arn("iam", "policy/"+name), map[string]any{"PolicyArn": w.arn("iam", "policy/"+name)}}
	}},
	"AWS::IAM::Policy":                only,
	"AWS::Lambda::Function":           withARN("FunctionName", "lambda", "function:"),
	"AWS::Lambda::Permission":         only,
	"AWS::Lambda::EventInvokeConfig":  only,
	"AWS::Lambda::EventSourceMapping": withID("Id"),
	"AWS::Logs::LogGroup": {named: "LogGroupName", make: func(w World, name string) physical {
		return physical{name, map[string]any{"Arn": w.arn("logs", "log-group:"+name+":*")}}
	}},
	"AWS::Logs::MetricFilter":   only,
	"AWS::Logs::ResourcePolicy": only,
	"AWS::ApiGatewayV2::Api": {make: func(w World, name string) physical {
		return physical{name, map[string]any{"ApiId": name, "ApiEndpoint": "https://" + name + ".execute-api." + w.Region + ".amazonaws.com"}}
	}},
	"AWS::ApiGatewayV2::Integration": only, "AWS::ApiGatewayV2::Route": only,
	"AWS::ApiGatewayV2::Stage":      {named: "StageName", make: only.make},
	"AWS::Scheduler::Schedule":      withARN("Name", "scheduler", "schedule/default/"), // in its group: see physical
	"AWS::Scheduler::ScheduleGroup": withARN("Name", "scheduler", "schedule-group/"),
	"AWS::Events::Rule":             withARN("Name", "events", "rule/"),
	"AWS::SNS::Topic": {named: "TopicName", make: func(w World, name string) physical {
		return physical{w.arn("sns", name), map[string]any{"TopicArn": w.arn("sns", name), "TopicName": name}}
	}},
	"AWS::SNS::TopicPolicy": withID("Id"), "AWS::SNS::Subscription": only,
	"AWS::CloudWatch::Alarm":          withARN("AlarmName", "cloudwatch", "alarm:"),
	"AWS::CloudWatch::CompositeAlarm": withARN("AlarmName", "cloudwatch", "alarm:"),
	"AWS::CloudWatch::Dashboard":      {named: "DashboardName", make: only.make},
	"AWS::Cognito::UserPool": {make: func(w World, name string) physical {
		provider := "cognito-idp." + w.Region + ".amazonaws.com/" + name
		return physical{name, map[string]any{"Arn": w.arn("cognito-idp", "userpool/"+name), "UserPoolId": name, "ProviderName": provider, "ProviderURL": "https://" + provider}}
	}},
	"AWS::Cognito::UserPoolClient":         withID("ClientId"),
	"AWS::Cognito::UserPoolDomain":         {named: "Domain", make: only.make},
	"AWS::Cognito::UserPoolResourceServer": only, "AWS::Cognito::ManagedLoginBranding": only,
	"AWS::CloudFront::Distribution": {make: func(w World, name string) physical {
		return physical{name, map[string]any{"Id": name, "DomainName": name + ".cloudfront.net"}}
	}},
	"AWS::CloudFront::OriginAccessControl":   withID("Id"),
	"AWS::CloudFront::ResponseHeadersPolicy": withID("Id"), "AWS::CloudFront::CachePolicy": withID("Id"), "AWS::CloudFront::OriginRequestPolicy": withID("Id"),
	"AWS::CloudFront::Function": {named: "Name", make: func(w World, name string) physical {
		arn := w.arn("cloudfront", "function/"+name)
		return physical{arn, map[string]any{"FunctionARN": arn}}
	}},
	"AWS::S3::BucketPolicy": only, "AWS::SQS::QueuePolicy": only, "AWS::CDK::Metadata": only, "AWS::Budgets::Budget": only,
	"AWS::SSM::Parameter": {named: "Name", make: only.make},
}

// physical gives what is known of a resource, which is there whether it is made yet or not.
func (r *Resolver) physical(s *Stack, id string) (physical, error) {
	key := s.Name + "." + id
	if p, ok := r.known[key]; ok {
		return p, nil
	}
	of, there := s.Template.Resources[id]
	if !there || r.busy[key] {
		return physical{}, fmt.Errorf("there is no resource %s in %s, or its name is made of itself", id, s.Name)
	}
	exists, err := r.Exists(s, id)
	if err != nil || !exists {
		return physical{}, fmt.Errorf("resource %s is not made: its condition %s does not hold: %w", id, of.Condition, err)
	}
	r.busy[key] = true
	defer delete(r.busy, key)
	m, ok := makers[of.Type]
	if !ok && !strings.HasPrefix(of.Type, "Custom::") {
		return physical{}, fmt.Errorf("nothing is known of %s, a %s", id, of.Type)
	}
	if !ok {
		m = only
	}
	name := r.madeUp(s, id)
	if m.lower {
		name = strings.ToLower(name)
	}
	if v, given := of.Properties[m.named]; given && m.named != "" {
		if name, err = r.Text(s, v); err != nil {
			return physical{}, fmt.Errorf("%s of %s: %w", m.named, id, err)
		}
	}
	p := m.make(r.World, name)
	if err := r.inPlace(s, of, name, p); err != nil {
		return physical{}, err
	}
	r.known[key] = p
	return p, nil
}

// inPlace corrects ARNs of what lies below something else.
func (r *Resolver) inPlace(s *Stack, of Resource, name string, p physical) error {
	switch of.Type {
	case "AWS::IAM::Role":
		if path, ok := of.Properties["Path"]; ok {
			below, err := r.Text(s, path)
			if err != nil {
				return err
			}
			p.attributes["Arn"] = r.arn("iam", "role"+below+name)
		}
	case "AWS::Scheduler::Schedule":
		if group, ok := of.Properties["GroupName"]; ok {
			in, err := r.Text(s, group)
			if err != nil {
				return err
			}
			p.attributes["Arn"] = r.arn("scheduler", "schedule/"+in+"/"+name)
		}
	}
	return nil
}

// madeUp is a name as CloudFormation makes one up, at most 63 characters long.
func (r *Resolver) madeUp(s *Stack, id string) string {
	sum := sha256.Sum256([]byte(s.Name + "." + id + "." + r.Generation))
	return s.Name[:min(len(s.Name), 24)] + "-" + id[:min(len(id), 24)] + "-" + strings.ToUpper(hex.EncodeToString(sum[:6]))
}

// ARN gives the ARN of a resource.
func (r *Resolver) ARN(s *Stack, id string) (string, error) {
	return r.Text(s, map[string]any{"Fn::GetAtt": []any{id, "Arn"}})
}

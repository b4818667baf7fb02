package platform_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
)

func TestNagFindsNothingThatIsNotExplained(t *testing.T) {
	reports, err := filepath.Glob(filepath.Join(usual(t).dir, "AwsSolutions-*-NagReport.csv"))
	require.NoError(t, err)
	require.NotEmpty(t, reports)
	checked, suppressed := 0, 0
	for _, file := range reports {
		f, err := os.Open(file)
		require.NoError(t, err)
		lines, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		require.NoError(t, f.Close())
		for _, l := range lines[1:] { // rule, resource, compliance, reason, level, what
			checked++
			if l[2] == "Non-Compliant" || l[2] == "UNKNOWN" {
				t.Errorf("%s of %s is %s: %s", l[0], l[1], l[2], l[5])
			}
			if l[2] == "Suppressed" {
				suppressed++
				require.Greater(t, len(l[3]), 30, "%s of %s has no reason", l[0], l[1])
			}
		}
	}
	require.Greater(t, checked, 100)
	t.Logf("%d checks of cdk-nag, %d suppressed with a reason", checked, suppressed)
}

func TestLintFindsNothing(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "cfn-lint is missing")
		t.Skip("cfn-lint is not there: make test-cloud installs it")
	}
	for name, context := range map[string]map[string]any{
		"as it is by default": nil,
		"with all that context can say": {"arch": "x86_64", "email": "ops@example.com", "domain": "finops.example.com", "table.core": "restored", "bucket": "files",
			"certificate": "arn:aws:acm:us-east-1:123456789012:certificate/c", "waf": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/w/1",
			"issuer": "https://id.example.com", "audiences": "finops"},
	} {
		t.Run(name, func(t *testing.T) {
			a := usual(t)
			if context != nil {
				a = synth(t, context, nil)
			}
			out, err := exec.CommandContext(t.Context(), lint, "-r", "us-east-1", "-t", filepath.Join(a.dir, "*.template.json")).CombinedOutput()
			require.NoError(t, err, string(out))
			require.Empty(t, strings.TrimSpace(string(out)))
		})
	}
}

func TestEveryOperationHasItsRouteAndNothingElseHas(t *testing.T) {
	a := usual(t)
	owners := map[string]string{}
	for _, i := range a.of("AWS::ApiGatewayV2::Integration") {
		uri := said(i.Properties["IntegrationUri"])
		owners[i.ID] = uri[strings.LastIndex(uri, ":tenantry-test-")+len(":tenantry-test-"):]
	}
	require.Len(t, owners, 2)
	got, want := []string{}, []string{}
	for _, r := range a.of("AWS::ApiGatewayV2::Route") {
		target := strings.TrimSuffix(strings.TrimPrefix(said(r.Properties["Target"]), "integrations/<"), ">")
		got = append(got, fmt.Sprint(r.Properties["RouteKey"], " ", owners[target]))
		require.Equal(t, "NONE", r.Properties["AuthorizationType"])
	}
	for _, op := range api.Operations() {
		want = append(want, fmt.Sprint(op.Method, " ", op.Path, " ", op.Function))
	}
	slices.Sort(got)
	slices.Sort(want)
	require.Equal(t, want, got)
}

func TestNoBucketIsPublicAndAllIsEncrypted(t *testing.T) {
	a := usual(t)
	for _, b := range a.of("AWS::S3::Bucket") {
		require.Equal(t, map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
			b.Properties["PublicAccessBlockConfiguration"], b.ID)
		require.NotNil(t, b.Properties["BucketEncryption"], b.ID)
	}
	insecure := 0
	for _, kind := range []string{"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"} {
		for _, p := range a.of(kind) {
			require.Contains(t, said(p.Properties["PolicyDocument"]), `"aws:SecureTransport":"false"`, p.ID)
			insecure++
		}
	}
	require.Equal(t, len(a.of("AWS::S3::Bucket"))+len(a.of("AWS::SQS::Queue"))+len(a.of("AWS::SNS::Topic")), insecure)
	for _, table := range a.of("AWS::DynamoDB::Table") {
		require.Equal(t, "KMS", table.Properties["SSESpecification"].(map[string]any)["SSEType"], table.ID)
	}
	for _, q := range a.of("AWS::SQS::Queue") {
		require.Equal(t, true, q.Properties["SqsManagedSseEnabled"], q.ID)
	}
	for _, topic := range a.of("AWS::SNS::Topic") {
		require.NotEmpty(t, topic.Properties["KmsMasterKeyId"], topic.ID)
	}
	for _, d := range a.of("AWS::CloudFront::Distribution") {
		require.NotContains(t, said(d.Properties), "allow-all")
		require.NotContains(t, said(d.Properties), "http-only")
	}
}

func TestEveryAsynchronousPathEndsInAQueueThatAlarms(t *testing.T) {
	a := usual(t)
	watched := map[string]bool{}
	for _, alarm := range a.of("AWS::CloudWatch::Alarm") {
		require.NotEmpty(t, alarm.Properties["AlarmDescription"], alarm.ID)
		require.NotEmpty(t, alarm.Properties["AlarmActions"], alarm.ID)
		if alarm.Properties["MetricName"] == "ApproximateNumberOfMessagesVisible" {
			watched[alarm.Properties["Dimensions"].([]any)[0].(map[string]any)["Value"].(string)] = true
		}
	}
	name := func(v any) string { s := said(v); return s[strings.LastIndexAny(s, ":")+1:] }
	ids := map[string]string{}
	for _, q := range a.of("AWS::SQS::Queue") {
		ids[q.ID] = q.Properties["QueueName"].(string)
	}
	for _, q := range a.of("AWS::SQS::Queue") {
		redrive, has := q.Properties["RedrivePolicy"].(map[string]any)
		if !has {
			require.Contains(t, ids[q.ID], "dead")
			require.True(t, watched[ids[q.ID]], "%s has no alarm", ids[q.ID])
			continue
		}
		to := redrive["deadLetterTargetArn"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)
		require.Equal(t, ids[q.ID]+"-dead", ids[to])
	}
	for _, s := range a.of("AWS::Scheduler::Schedule") {
		require.Equal(t, "tenantry-test-dead", name(s.Properties["Target"].(map[string]any)["DeadLetterConfig"].(map[string]any)["Arn"]), s.ID)
	}
	for _, r := range a.of("AWS::Events::Rule") {
		for _, target := range r.Properties["Targets"].([]any) {
			require.Equal(t, "tenantry-test-dead", name(target.(map[string]any)["DeadLetterConfig"].(map[string]any)["Arn"]), r.ID)
		}
	}
	for _, c := range a.of("AWS::Lambda::EventInvokeConfig") {
		require.Equal(t, "tenantry-test-dead", name(c.Properties["DestinationConfig"].(map[string]any)["OnFailure"].(map[string]any)["Destination"]), c.ID)
	}
	timeouts := map[string]float64{}
	for _, f := range a.of("AWS::Lambda::Function") {
		timeouts[f.ID] = f.Properties["Timeout"].(float64)
	}
	for _, m := range a.of("AWS::Lambda::EventSourceMapping") {
		require.Equal(t, []any{"ReportBatchItemFailures"}, m.Properties["FunctionResponseTypes"], m.ID)
		for _, q := range a.of("AWS::SQS::Queue") {
			if ids[q.ID] == name(m.Properties["EventSourceArn"]) {
				require.Greater(t, q.Properties["VisibilityTimeout"].(float64), timeouts[m.Properties["FunctionName"].(map[string]any)["Ref"].(string)])
			}
		}
	}
}

func TestEveryLogGroupIsKeptForItsTimeAndNoFunctionMakesOne(t *testing.T) {
	a := usual(t)
	groups := map[string]bool{}
	for _, g := range a.of("AWS::Logs::LogGroup") {
		require.EqualValues(t, 90, g.Properties["RetentionInDays"], g.ID)
		groups[g.Properties["LogGroupName"].(string)] = true
	}
	for _, f := range a.of("AWS::Lambda::Function") {
		require.True(t, groups[said(f.Properties["LoggingConfig"].(map[string]any)["LogGroup"])], f.ID)
	}
	require.NotContains(t, said(a.of("AWS::IAM::Role")[0].Properties), "logs:CreateLogGroup")
}

// statements gives every statement of every policy, with where it is.
func (a assembly) statements(t *testing.T, visit func(where string, s map[string]any)) {
	var walk func(where string, v any)
	n := 0
	walk = func(where string, v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(where, one)
			}
		case map[string]any:
			if all, ok := v["Statement"].([]any); ok {
				for _, s := range all {
					n++
					visit(where, s.(map[string]any))
				}
				return
			}
			for _, one := range v {
				walk(where, one)
			}
		}
	}
	for _, r := range a.resources {
		walk(r.Stack+"/"+r.ID, r.Properties)
	}
	require.Greater(t, n, 50)
}

func TestPoliciesNameWhatMayBeDone(t *testing.T) {
	usual(t).statements(t, func(where string, s map[string]any) {
		if s["Effect"] != "Allow" {
			return
		}
		actions := said(s["Action"])
		if strings.Contains(where, "-data/Key") && strings.Contains(said(s["Principal"]), ":root") {
			return // the account keeps its key
		}
		require.NotContains(t, actions, "*", where)
		require.NotContains(t, s, "NotAction", where)
		require.NotContains(t, s, "NotResource", where)
		if said(s["Resource"]) == "*" && !strings.Contains(where, "-data/Key") { // of a key's own policy: the key
			require.Equal(t, "scheduler:ListSchedules", actions, where)
		}
	})
	for _, r := range usual(t).of("AWS::IAM::Role") {
		require.NotContains(t, r.Properties, "ManagedPolicyArns", r.ID)
	}
}

func TestServicesActForThisAccountAlone(t *testing.T) {
	a, seen := usual(t), 0
	a.statements(t, func(where string, s map[string]any) {
		principal, _ := s["Principal"].(map[string]any)
		if principal["Service"] == nil || s["Effect"] != "Allow" {
			return
		}
		seen++
		b, err := json.Marshal(s["Condition"])
		require.NoError(t, err)
		require.Regexp(t, `aws:Source(Account|Arn)|AWS:SourceArn`, string(b), where)
	})
	require.Greater(t, seen, 12)
	for _, p := range a.of("AWS::Lambda::Permission") {
		require.NotEmpty(t, p.Properties["SourceArn"], p.ID)
		require.NotEmpty(t, p.Properties["SourceAccount"], p.ID)
	}
}

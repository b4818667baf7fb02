package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
)

var world = e2e.World{Account: "123456789012", Region: "us-east-1", Partition: "aws", Generation: "1"}

// assembly writes templates as synthesis does, one a stack, and reads them.
func assembly(t *testing.T, templates map[string]string, more ...string) *e2e.Assembly {
	folder := t.TempDir()
	artifacts := map[string]any{}
	for name, template := range templates {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".template.json"), []byte(template), 0o600))
		artifacts[name] = map[string]any{"type": "aws:cloudformation:stack", "properties": map[string]any{"templateFile": name + ".template.json"}}
	}
	if len(more) > 0 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "all.assets.json"), []byte(more[0]), 0o600))
		artifacts["all.assets"] = map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": "all.assets.json"}}
	}
	b, err := json.Marshal(map[string]any{"version": "48.0.0", "artifacts": artifacts})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "manifest.json"), b, 0o600))
	a, err := e2e.ReadAssembly(folder)
	require.NoError(t, err)
	return a
}

const shapes = `{
 "Parameters": {"Size": {"Type": "Number", "Default": 3}, "Boot": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}, "None": {"Type": "String"}},
 "Mappings": {"M": {"a": {"b": "mapped"}}},
 "Conditions": {"Yes": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]},
  "Round": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "Round"}]}},
 "Resources": {
  "T": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "core"}},
  "Q": {"Type": "AWS::SQS::Queue"},
  "R": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/x/", "RoleName": {"Fn::Sub": "${AWS::StackName}-r"}}},
  "N": {"Type": "AWS::SQS::Queue", "Condition": "No"},
  "Odd": {"Type": "AWS::Odd::Thing"},
  "Self": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["Self", "Arn"]}}}},
 "Outputs": {"O": {"Value": {"Fn::GetAtt": ["T", "Arn"]}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:T"}}}}
}`

func TestValuesAreResolved(t *testing.T) {
	a := assembly(t, map[string]string{"one": shapes, "two": `{"Resources":{}}`})
	r, err := e2e.NewResolver(a, world)
	require.NoError(t, err)
	for value, want := range map[string]string{
		`"text"`:                     `"text"`,
		`{"Ref":"AWS::Region"}`:      `"us-east-1"`,
		`{"Ref":"Size"}`:             `3`,
		`{"Ref":"T"}`:                `"core"`,
		`{"Fn::GetAtt":["T","Arn"]}`: `"arn:aws:dynamodb:us-east-1:123456789012:table/core"`,
		`{"Fn::GetAtt":"R.Arn"}`:     `"arn:aws:iam::123456789012:role/x/one-r"`,
		`{"Fn::Sub":"${AWS::AccountId}-${T}-${R.Arn}-${!aws:PrincipalTag/tenant}"}`:  `"123456789012-core-arn:aws:iam::123456789012:role/x/one-r-${aws:PrincipalTag/tenant}"`,
		`{"Fn::Sub":["${A}/${Size}",{"A":{"Fn::Join":["-",["x",{"Ref":"Size"}]]}}]}`: `"x-3/3"`,
		`{"Fn::Select":["1",{"Fn::Split":[":",{"Fn::GetAtt":["T","Arn"]}]}]}`:        `"aws"`,
		`{"Fn::FindInMap":["M","a","b"]}`:                                            `"mapped"`,
		`{"Fn::If":["Yes",{"Ref":"Size"},{"Ref":"Odd"}]}`:                            `3`,
		`{"Fn::If":["No",1,2]}`:                                   `2`,
		`[1,{"Ref":"AWS::NoValue"},{"a":{"Ref":"AWS::NoValue"}}]`: `[1,{}]`,
		`{"Fn::ImportValue":"one:T"}`:                             `"arn:aws:dynamodb:us-east-1:123456789012:table/core"`,
		`{"Fn::Base64":"a"}`:                                      `"YQ=="`,
		`{"Condition":{"StringEquals":{"a":"b"}}}`:                `{"Condition":{"StringEquals":{"a":"b"}}}`,
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(value), &v))
		is, err := r.Value(a.Stacks[0], v)
		require.NoError(t, err, value)
		b, err := json.Marshal(is)
		require.NoError(t, err)
		require.JSONEq(t, want, string(b), value)
	}
}

func TestNamesAreMadeUpAnewInEachGeneration(t *testing.T) {
	a := assembly(t, map[string]string{"one": shapes})
	seen := map[string]bool{}
	for _, generation := range []string{"1", "2"} {
		of := world
		of.Generation = generation
		r, err := e2e.NewResolver(a, of)
		require.NoError(t, err)
		url, err := r.Text(a.Stacks[0], map[string]any{"Ref": "Q"})
		require.NoError(t, err)
		again, err := r.Text(a.Stacks[0], map[string]any{"Fn::GetAtt": "Q.QueueUrl"})
		require.NoError(t, err)
		require.Equal(t, url, again)
		require.Contains(t, url, "https://sqs.us-east-1.amazonaws.com/123456789012/one-Q-")
		seen[url] = true
	}
	require.Len(t, seen, 2)
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	a := assembly(t, map[string]string{"one": shapes})
	r, err := e2e.NewResolver(a, world)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"a function":                      `{"Fn::GetAZs":""}`,
		"a reference":                     `{"Ref":"Nothing"}`,
		"an attribute":                    `{"Fn::GetAtt":["T","StreamArn"]}`,
		"an attribute of nothing":         `{"Fn::GetAtt":["Nothing","Arn"]}`,
		"a type":                          `{"Ref":"Odd"}`,
		"a resource that is not made":     `{"Ref":"N"}`,
		"a name that is made of itself":   `{"Ref":"Self"}`,
		"a parameter without a value":     `{"Ref":"None"}`,
		"a parameter of Systems Manager":  `{"Ref":"Boot"}`,
		"an export":                       `{"Fn::ImportValue":"two:T"}`,
		"a mapping":                       `{"Fn::FindInMap":["M","a","c"]}`,
		"a condition":                     `{"Fn::If":["Maybe",1,2]}`,
		"a condition of itself":           `{"Fn::If":["Round",1,2]}`,
		"a place":                         `{"Fn::Select":[2,["a","b"]]}`,
		"a variable":                      `{"Fn::Sub":"${Nothing}"}`,
		"a dynamic reference":             `"{{resolve:ssm:/a}}"`,
		"a list that has to be text":      `{"Fn::Sub":["${A}",{"A":["b"]}]}`,
		"too few arguments":               `{"Fn::Join":["-"]}`,
		"within lists and objects, a ref": `[{"a":[{"Ref":"Nothing"}]}]`,
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(value), &v))
		_, err := r.Value(a.Stacks[0], v)
		require.Error(t, err, name)
	}
}

func TestAnAssemblyWithWhatIsNotKnownIsRefused(t *testing.T) {
	for name, template := range map[string]string{
		"a section":                `{"Transform":"AWS::Serverless-2016-10-31","Resources":{}}`,
		"an attribute of resource": `{"Resources":{"A":{"Type":"AWS::SQS::Queue","Odd":1}}}`,
	} {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "manifest.json"),
			[]byte(`{"artifacts":{"a":{"type":"aws:cloudformation:stack","properties":{"templateFile":"a.json"}}}}`), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "a.json"), []byte(template), 0o600))
		_, err := e2e.ReadAssembly(folder)
		require.Error(t, err, name)
	}
}

func TestStacksComeAfterThoseThatTheyDependOn(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "t.json"), []byte(`{"Resources":{}}`), 0o600))
	stack := func(dependencies string) string {
		return `{"type":"aws:cloudformation:stack","properties":{"templateFile":"t.json"},"dependencies":[` + dependencies + `]}`
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(`{"artifacts":{"a":`+stack(`"c","b"`)+`,"b":`+stack(`"c"`)+
		`,"c":`+stack(``)+`}}`), 0o600))
	a, err := e2e.ReadAssembly(folder)
	require.NoError(t, err)
	var order []string
	for _, s := range a.Stacks {
		order = append(order, s.Name)
	}
	require.Equal(t, []string{"c", "b", "a"}, order)
}

package platform_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/kept.json")

// lasting are the types of what holds something that cannot be made anew.
var lasting = map[string]bool{"AWS::DynamoDB::Table": true, "AWS::S3::Bucket": true, "AWS::SQS::Queue": true, "AWS::KMS::Key": true, "AWS::Cognito::UserPool": true,
	"AWS::Logs::LogGroup": true}

// A logical ID that moves has CloudFormation make another resource and leave the first behind: what is in testdata/kept.json stays.
func TestWhatLastsKeepsItsLogicalID(t *testing.T) {
	got := map[string]string{}
	for _, r := range usual(t).resources {
		if lasting[r.Type] && r.DeletionPolicy != "Delete" {
			got[r.Stack+"/"+r.ID] = r.Type
			require.Equal(t, "Retain", r.DeletionPolicy, r.ID)
			require.Equal(t, "Retain", r.UpdateReplacePolicy, r.ID)
			require.Contains(t, []string{"tenantry-test-data", "tenantry-test-identity", "tenantry-test-observability"}, r.Stack, "%s is in a stack that is destroyed", r.ID)
		} else if lasting[r.Type] {
			require.Equal(t, "tenantry-test-web", r.Stack, "%s is lost with its stack", r.ID) // the page, which is deployed anew
		}
	}
	file := filepath.Join("testdata", "kept.json")
	if *update {
		b, err := json.MarshalIndent(got, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, append(b, '\n'), 0o644))
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	want := map[string]string{}
	require.NoError(t, json.Unmarshal(b, &want))
	require.Equal(t, want, got)
}

func TestTablesAreKeptAndCanBeHadAgain(t *testing.T) {
	tables := usual(t).of("AWS::DynamoDB::Table")
	require.Len(t, tables, 4)
	for _, table := range tables {
		p := table.Properties
		require.Equal(t, true, p["DeletionProtectionEnabled"])
		require.Equal(t, map[string]any{"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 35.}, p["PointInTimeRecoverySpecification"])
		require.Equal(t, "PAY_PER_REQUEST", p["BillingMode"])
	}
}

func TestARestoredTableTakesTheOthersPlace(t *testing.T) {
	a := synth(t, map[string]any{"table.core": "tenantry-test-core-restored"}, nil)
	require.Len(t, a.of("AWS::DynamoDB::Table"), 3)
	for _, f := range a.of("AWS::Lambda::Function") {
		if e, ok := f.Properties["Environment"].(map[string]any); ok && e["Variables"].(map[string]any)["TENANTRY_STAGE"] != nil {
			require.Equal(t, "tenantry-test-core-restored", e["Variables"].(map[string]any)["TENANTRY_TABLE_CORE"], f.ID)
		}
	}
	for _, r := range a.resources {
		b, err := json.Marshal(r.Properties)
		require.NoError(t, err)
		text := strings.NewReplacer("tenantry-test-core-restored", "", "tenantry-test-core-throttled", "").Replace(string(b)) // the latter is an alarm
		require.NotContains(t, text, "tenantry-test-core", "%s still knows the table that was replaced", r.ID)
	}
}

func TestStagesShareNothing(t *testing.T) {
	named := func(a assembly) map[string]bool {
		all := map[string]bool{}
		for _, r := range a.resources {
			for key, v := range r.Properties {
				if s := said(v); strings.HasSuffix(key, "Name") && key != "StageName" && !strings.HasPrefix(s, "<") && strings.Contains(s, "tenantry") {
					all[r.Type+" "+s] = true
				}
			}
		}
		return all
	}
	one, other := named(usual(t)), named(synth(t, map[string]any{"stage": "test2"}, nil))
	require.Greater(t, len(one), 40)
	require.Len(t, other, len(one))
	for name := range one {
		require.NotContains(t, other, name)
	}
}

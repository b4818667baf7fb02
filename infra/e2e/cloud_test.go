package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/route"
)

// TestCloud stands up what infra/aws synthesizes.
func TestCloud(t *testing.T) {
	if os.Getenv("TENANTRY_E2E") == "" {
		t.Skip("make e2e-cloud runs it")
	}
	i, c := issuer(t), e2e.NewCloud(t)
	a := synthesized(t, i)
	p := e2e.Deploy(t, c, a, "1")
	base := beside(t, p, i)
	t.Run("every operation has its route and there is no other", func(t *testing.T) {
		var want []string
		for _, op := range api.Operations() {
			want = append(want, op.Method+" "+op.Path)
		}
		require.ElementsMatch(t, want, p.Routes())
	})
	t.Run("the flow of README", func(t *testing.T) {
		readme(t, base)
		p.Drain(t)
		require.Empty(t, p.Failures())
		require.Empty(t, p.Account.Denied())
	})
	var organization string
	t.Run("an account is connected and collected", func(t *testing.T) {
		organization = customer(t, c, p, i)
		require.Empty(t, p.Failures())
	})
	t.Run("what the clock asks for, and what cannot be delivered", func(t *testing.T) {
		require.Positive(t, p.Tick(t, "", time.Now()))
		p.Drain(t)
		require.Empty(t, p.Failures())
		require.Empty(t, p.Dead(t))
		for _, group := range p.Groups() {
			p.Lose(t, group)
		}
		p.Fail(t, "reconcile", `{"tenant":"nobody"}`)
		require.Empty(t, p.Account.Denied())
	})
	p = again(t, c, p, a, i, organization, "2")
	t.Run("the isolation matrix", func(t *testing.T) {
		r := remote(t, c, p, i).Matrix(t, "", chosen())
		for _, leak := range r.Leaks {
			t.Error(leak)
		}
		t.Logf("%d operations exercised, %d probes", len(r.Rows), r.Probes())
	})
	summary(t, p)
	t.Run("mutants", func(t *testing.T) { mutants(t, p) })
	again(t, c, p, synthesized(t, i, restored(t, c, p)...), i, organization, "3")
}

// summary prints what was decided.
func summary(t *testing.T, p *e2e.Platform) {
	allowed, denied, times := 0, 0, 0
	for _, d := range p.Account.Decisions() {
		times += d.Times
		if d.Allowed {
			allowed += d.Times
		} else {
			denied += d.Times
			t.Logf("denied %d times: %s by %s on %s %v", d.Times, d.Action, d.Principal, d.Resource, d.Context)
		}
	}
	t.Logf("IAM decisions: %d, %d allowed, %d denied; %d different", times, allowed, denied, len(p.Account.Decisions()))
	t.Log("environments and invocations: ", p.Environments())
}

// synthesized is what infra/aws writes for an issuer, with more context where some is given.
func synthesized(t *testing.T, i *localissuer.Issuer, more ...string) *e2e.Assembly {
	return read(t, synthesize(t, i, more...))
}

func read(t *testing.T, folder string) *e2e.Assembly {
	a, err := e2e.ReadAssembly(folder)
	require.NoError(t, err)
	return a
}

// chosen are all operations, or those that TENANTRY_E2E_ONLY names.
func chosen() []route.Operation {
	only := os.Getenv("TENANTRY_E2E_ONLY")
	return slices.DeleteFunc(api.Operations(), func(op route.Operation) bool { return only != "" && !strings.Contains(","+only+",", ","+op.ID+",") })
}

// mutants prints the table of mutants and asks that each is found out, or that it is written why it cannot be.
func mutants(t *testing.T, p *e2e.Platform) {
	r := e2e.Record{Rules: p.Account.Rules(), Calls: p.Account.Decisions(), Stage: "e2e"}
	all, unused, err := r.Mutants()
	require.NoError(t, err)
	var table strings.Builder
	killed := 0
	for _, m := range all {
		says := m.Killed
		if says == "" {
			says = "LIVES: " + why(alive, m.Statement+" "+m.Change)
			note(t, says != "LIVES: ", "%s %s lives, and it is not written why", m.Statement, m.Change)
		} else {
			killed++
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", m.Statement, m.Change, says)
	}
	t.Logf("mutants: %d, %d found out\n| statement | change | found out by |\n|---|---|---|\n%s", len(all), killed, table.String())
	for _, name := range unused {
		reason := why(idle, name)
		t.Logf("unused: %s: %s", name, reason)
		note(t, reason != "", "%s allowed nothing, and it is not written why it is there", name)
	}
}

// why finds the reason of what begins or ends with a key.
func why(reasons map[string]string, name string) string {
	for key, reason := range reasons {
		if strings.Contains(name, key) {
			return reason
		}
	}
	return ""
}

// alive are mutants that no call can tell from the rules as they are, and why.
var alive = map[string]string{
	"Null aws:PrincipalTag/tenant":       "a variable without a value is like nothing, so that the condition asks twice",
	"Null aws:RequestTag/tenant":         "StringLike asks for the tag already",
	"Null s3:prefix":                     "StringLike asks for the prefix already",
	"BecomeOneTenant any action":         "what else STS does with a role, the role's own trust has to allow",
	"FunctionsForOneTenant any action":   "whoever is trusted has itself no other action of STS",
	"/Invoke any resource":               "a function's own document is about that function alone",
	"QueueIngestPolicy70EAA4C0/#2 any r": "a queue's own document is about that queue alone",
}

// idle are statements by which nothing is allowed here, and why they are there.
var idle = map[string]string{
	"LogBucketPolicy":               "S3 writes access logs, which is not played here",
	"Key961B73FD/#1":                "the account's own leave to administer the key",
	"AlarmsThroughTheTopic":         "alarms, which do not go off here",
	"CustomCDKBucketDeployment":     "uploads the page, which is no part of this",
	"PagePolicy":                    "CloudFront reads the page, which is no part of this",
	"RoleApi own/SendTo":            "imports of several files, tag keys and exports: README's flow has them or the matrix, where it is run whole",
	"RoleCollect own/SendToJobs":    "a connection is paused after many failures: pkg/collect's tests",
	"RoleJobs own/AuditOfDirectory": "erasure, which waits for an hour of grace at the least: functions/erasure_test.go runs it under this very statement",
	"RoleJobs own/SendToIngest":     "an erasure or a job that leaves a delivery to be read again: functions' tests",
	"TenantFileNames":               "tells a missing file from one that is denied, and lists what is erased: pkg/cloud/policy's tests",
	"TenantFileVersions":            "erasure, which waits for an hour of grace at the least: functions/erasure_test.go",
	"TenantFilesOfDeliveries":       "a copy of a customer's export that is given up: pkg/collect/aws/dataexport's tests",
	"TenantFilesOfCollected":        "what was collected anew takes the place of what was: a second run",
}

// note fails the test and lets it go on.
func note(t *testing.T, ok bool, format string, arguments ...any) {
	if !ok {
		t.Errorf(format, arguments...)
	}
}

package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

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
	p := e2e.Deploy(t, c, synthesized(t, i), "1")
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
	t.Run("the isolation matrix", func(t *testing.T) {
		r := remote(t, c, p, i).Matrix(t, "", chosen())
		for _, leak := range r.Leaks {
			t.Error(leak)
		}
		t.Logf("%d operations exercised, %d probes", len(r.Rows), r.Probes())
	})
	summary(t, p)
	mutants(t, p)
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
var alive = map[string]string{}

// idle are statements by which nothing is allowed here, and why they are there.
var idle = map[string]string{}

// note fails the test and lets it go on.
func note(t *testing.T, ok bool, format string, arguments ...any) {
	if !ok {
		t.Errorf(format, arguments...)
	}
}

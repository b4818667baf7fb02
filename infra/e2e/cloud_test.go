package e2e_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
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
		r := remote(t, c, p, i).Matrix(t, "", api.Operations())
		for _, leak := range r.Leaks {
			t.Error(leak)
		}
		t.Logf("%d operations exercised, %d probes", len(r.Rows), r.Probes())
	})
	summary(t, p)
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

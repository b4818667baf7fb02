package aws_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
)

func TestARegionThatIsNotOptedInIsSkippedAndSaid(t *testing.T) {
	y := newStory(t)
	const account = "777700000005"
	found := y.furnish(account, map[string]string{"team": "web"})
	c := y.connect(y.Alice, account)
	y.Alice.Do(y, "PATCH", y.Alice.Path("/connections/"+string(c.ID)), body{"regions": []string{"ap-southeast-4", "eu-west-1", "us-east-1"}}).Is(y, 200)
	p := y.project(y.Alice, "all", body{"accountIds": []string{account}})
	y.work()
	r := y.start(y.Alice, p, collect.Resources)
	y.work()
	y.Alice.Get(y, y.Alice.Path("/projects/"+string(p)+"/runs/"+string(r.ID))).Is(y, 200).Into(y, &r)
	require.Equal(t, collect.Succeeded, r.Status, r.Reason)
	require.Equal(t, []collect.Skipped{{Region: "ap-southeast-4", Reason: "The region is disabled in the account. Enable it there, or take it away from the regions " +
		"of the connection or project."}}, r.Connections[0].Skipped)
	require.ElementsMatch(t, found, y.resources(y.Alice, p), "the others are collected")
}

func TestAnAccountWithNothingInItIsCollected(t *testing.T) {
	y := newStory(t)
	const account = "777700000006"
	c := y.connect(y.Alice, account)
	p := y.project(y.Alice, "all", body{"accountIds": []string{account}})
	y.work()
	for _, k := range []collect.Kind{collect.Resources, collect.Metrics, collect.Costs} {
		r := y.start(y.Alice, p, k)
		y.work()
		y.Alice.Get(y, y.Alice.Path("/projects/"+string(p)+"/runs/"+string(r.ID))).Is(y, 200).Into(y, &r)
		require.Equal(t, collect.Succeeded, r.Status, "%s: %+v", k, r)
		require.Empty(t, r.Reason)
		require.False(t, r.Partial)
		for name, n := range r.Counts {
			require.Zero(t, n, "%s of %s", name, k)
		}
	}
	require.Empty(t, y.resources(y.Alice, p))
	require.Empty(t, y.load(y.Alice, p))
	require.Empty(t, y.costs(y.Alice))
	y.Alice.Get(y, y.Alice.Path("/connections/"+string(c.ID))).Is(y, 200).Into(y, &c)
	require.Equal(t, connection.Connected, c.Status)
	require.Empty(t, c.Reason)
}

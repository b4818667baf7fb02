package resource_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
)

// estate is 20,000 resources as a large project has them: random IDs, names that say little, eight tags each.
func estate() (all []resource.Sighting) {
	random := rand.New(rand.NewPCG(7, 7))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range 20_000 {
		region := pick("eu-west-1", "us-east-1", "us-west-2", "ap-south-1")
		id, name := fmt.Sprintf("%016x0", random.Uint64()), fmt.Sprintf("%s-%s-%04d", pick("web", "api", "batch", "cache"), pick("blue", "green"), n)
		s := resource.Sighting{State: pick("running", "running", "stopped"), Class: pick("m6i.large", "m6i.xlarge", "gp3 100 GiB", "db.r6g.large"),
			CreatedAt: begin.Add(time.Duration(random.IntN(60_000_000)) * time.Second), Tags: map[string]string{"Name": name,
				"environment": pick("production", "staging", "development"), "team": fmt.Sprint("team-", random.IntN(30)), "product": fmt.Sprint("product-", random.IntN(80)),
				"cost-centre": fmt.Sprint(1000 + random.IntN(200)), "managed-by": pick("terraform", "cloudformation"), "version": fmt.Sprint(random.IntN(300)),
				"aws:autoscaling:groupName": fmt.Sprint("asg-", random.IntN(400))}}
		switch n % 4 {
		case 0, 1:
			s.ARN = "arn:aws:ec2:" + region + ":111122223333:instance/i-" + id
		case 2:
			s.ARN = "arn:aws:ec2:" + region + ":111122223333:volume/vol-" + id
		default:
			s.ARN = "arn:aws:logs:" + region + ":111122223333:log-group:/aws/lambda/" + name
		}
		all = append(all, s)
	}
	return all
}

func TestAPageOf20000ResourcesReadsAtMost100Units(t *testing.T) {
	for name, open := range map[string]func(testing.TB, func() time.Time) apptest.Engine{"on bolt": apptest.Bolt, "on DynamoDB": apptest.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			a := apptest.On(t, open)
			a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/"+string(a.Alice.Project)), map[string]any{"accountIds": []string{account}}).Is(t, 200)
			a.Sight(t, a.Alice.Tenant, account, estate()...)
			s := &resource.Service{Store: a.Store, Clock: a.Now}
			for of, filters := range map[string][]string{"all": nil, "filtered": {"tag:team:team-7", "type:ec2:instance", "text:blue"}} {
				ctx, meter := store.WithMeter(t.Context())
				l, err := s.Of(ctx, a.Alice.Tenant, a.Alice.Project, filters...)
				require.NoError(t, err)
				units := float64(meter.Total().Read) / 2
				t.Logf("%s: %d resources, %.1f read units", of, *l.Total, units)
				require.LessOrEqual(t, units, 100.0)
				require.Greater(t, units, 10.0, "it is measured")
				require.Len(t, l.Items, 50)
				require.NotEmpty(t, l.Facets.TagKey)
				if filters == nil {
					require.Equal(t, 20_000, *l.Total)
				}
			}
		})
	}
}

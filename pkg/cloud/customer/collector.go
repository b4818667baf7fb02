// Package customer is what functions/collect asks customers' AWS accounts by. It is apart from pkg/cloud because it links the SDKs of
// all the services that are asked, which no other function needs.
package customer

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/collect/aws/cloudwatch"
	"github.com/tenantry/tenantry/pkg/collect/aws/costexplorer"
	"github.com/tenantry/tenantry/pkg/collect/aws/dataexport"
	"github.com/tenantry/tenantry/pkg/collect/aws/inventory"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Collectors ask each account through the role of its connection; load gives the function's own access, by which roles are taken.
func Collectors(load func() (aws.Config, error), d api.Deps) map[collect.Kind]collect.Collector {
	accounts := sync.OnceValues(func() (*collectaws.Accounts, error) { return collectaws.NewAccounts(load, collectaws.Options{}) })
	config := func(ctx context.Context, s *tenant.Scope, c connection.Connection) (aws.Config, error) {
		all, err := accounts()
		if err != nil {
			return aws.Config{}, err
		}
		return all.Config(ctx, s, c)
	}
	return map[collect.Kind]collect.Collector{
		collect.Costs: &dataexport.Collector{Config: config, Files: d.Files, Deliveries: api.Ingest(d), Clock: d.Clock, Random: d.Random,
			Then: &costexplorer.Collector{Config: config, Files: d.Files, Deliveries: api.Ingest(d), Clock: d.Clock}},
		collect.Resources: &inventory.Collector{Config: config, Clock: d.Clock, Random: d.Random},
		collect.Metrics:   &cloudwatch.Collector{Config: config, Clock: d.Clock, Random: d.Random},
	}
}

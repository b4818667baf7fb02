package main

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cloudwatch"
	"github.com/tenantry/tenantry/pkg/collect/aws/costexplorer"
	"github.com/tenantry/tenantry/pkg/collect/aws/dataexport"
	"github.com/tenantry/tenantry/pkg/collect/aws/inventory"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// ofKinds are what customers' accounts are asked by, as config lets them in.
func ofKinds(d api.Deps, config func(context.Context, *tenant.Scope, connection.Connection) (sdk.Config, error)) map[collect.Kind]collect.Collector {
	return map[collect.Kind]collect.Collector{
		collect.Costs: &dataexport.Collector{Config: config, Files: d.Files, Deliveries: api.Ingest(d), Clock: d.Clock, Random: d.Random,
			Then: &costexplorer.Collector{Config: config, Files: d.Files, Deliveries: api.Ingest(d), Clock: d.Clock}},
		collect.Resources: &inventory.Collector{Config: config, Clock: d.Clock, Random: d.Random},
		collect.Metrics:   &cloudwatch.Collector{Config: config, Clock: d.Clock, Random: d.Random},
	}
}

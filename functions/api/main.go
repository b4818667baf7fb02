// Command api is the Lambda function of the tenants' data: projects, deliveries, costs.
package main

import (
	"github.com/tenantry/tenantry/pkg/cloud"
	"github.com/tenantry/tenantry/pkg/route"
)

func main() { cloud.ServeHTTP(route.API) }

// Command admin is the Lambda function of the control plane: tenants and who belongs to them.
package main

import (
	"github.com/tenantry/tenantry/pkg/cloud"
	"github.com/tenantry/tenantry/pkg/route"
)

func main() { cloud.ServeHTTP(route.Admin) }

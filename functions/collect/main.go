// Command collect is the Lambda function that collects from customers' AWS accounts: what asks for a run comes through SQS.
package main

import (
	"github.com/tenantry/tenantry/pkg/cloud"
	"github.com/tenantry/tenantry/pkg/cloud/customer"
)

func main() { cloud.ServeCollect(customer.Collectors) }

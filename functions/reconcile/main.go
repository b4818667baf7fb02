// Command reconcile is the Lambda function that makes schedules follow the tables; a schedule of the platform's own invokes it.
package main

import "github.com/tenantry/tenantry/pkg/cloud"

func main() { cloud.ServeReconcile() }

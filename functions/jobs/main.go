// Command jobs is the Lambda function of long work, done in resumable steps: what asks for it comes through SQS.
package main

import "github.com/tenantry/tenantry/pkg/cloud"

func main() { cloud.ServeJobs() }

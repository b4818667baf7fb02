// Command ingest is the Lambda function that reads deliveries of cost files: S3 and the API tell it of them through SQS.
package main

import "github.com/tenantry/tenantry/pkg/cloud"

func main() { cloud.ServeIngest() }

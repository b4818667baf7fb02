// Command aws is the CDK app, which cdk.json runs.
package main

import (
	"log"

	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/infra/aws/platform"
)

func main() {
	defer jsii.Close()
	if err := platform.Synth(); err != nil {
		log.Fatal(err)
	}
}

// Command aws is the CDK app: cdk.json runs it, and it writes the templates of a stage's stacks.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/infra/aws/platform"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	platform.New(app, platform.ReadConfig(app.Node()))
	app.Synth(nil)
}

// Command aws is the CDK app, which cdk.json runs.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tenantry/tenantry/infra/aws/platform"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	c, err := platform.ReadConfig(app.Node())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	platform.New(app, c)
	app.Synth(nil)
}

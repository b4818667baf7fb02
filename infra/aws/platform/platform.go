// Package platform is all of Tenantry on AWS as stacks, of what a stage's configuration says.
//
// What must survive is in Data, Identity and Observability: tables, files, messages under way, people, logs. All other stacks can be
// destroyed and made anew at any time.
package platform

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Synth writes the templates of the stage that the CDK's context names, where the CDK wants them.
func Synth() error {
	app := awscdk.NewApp(nil)
	c, err := ReadConfig(app.Node())
	if err != nil {
		return err
	}
	New(app, c)
	app.Synth(nil)
	return nil
}

// New makes the stacks of a stage in an app. They are of no account and region in particular: whoever deploys says which.
func New(app constructs.Construct, c Config) []awscdk.Stack {
	n := names{c}
	p := stacks{app: app, names: n}
	data := p.stack("data", "Tables, files and messages under way: all that must survive", true)
	newData(data, n)
	watch := p.stack("observability", "Logs, alarms and the dashboard", true, data)
	newObservability(watch, n)
	var people *people
	if c.Issuer == "" {
		stack := p.stack("identity", "Who signs in", true)
		people = newPeople(stack, n)
	}
	access := p.stack("access", "All roles, and what each may do", false, data)
	newAccess(access, n)
	web := p.stack("web", "The page and the address that it shares with the API", false, access, watch)
	edge := newEdge(web, n, people)
	workers := p.stack("collection", "What works on messages and by the clock", false, access, watch)
	newCollection(workers, n)
	serving := p.stack("api", "The operations", false, access, watch, web)
	newServing(serving, n, edge)
	newBudget(p.stack("budget", "What the platform itself may cost", false), n)
	return p.all
}

type stacks struct {
	app   constructs.Construct
	names names
	all   []awscdk.Stack
}

// stack makes one that comes after others. What is kept cannot be removed by mistake.
func (p *stacks) stack(name, description string, kept bool, after ...awscdk.Stack) awscdk.Stack {
	s := awscdk.NewStack(p.app, text(p.names.title(name)), &awscdk.StackProps{
		StackName: text(p.names.title(name)), Description: text("Tenantry, stage " + p.names.Stage + ": " + description),
		TerminationProtection: jsii.Bool(kept),
		Tags:                  &map[string]*string{stageTag: text(p.names.Stage)},
	})
	for _, a := range after {
		s.AddStackDependency(a, nil)
	}
	p.all = append(p.all, s)
	return s
}

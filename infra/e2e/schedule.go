package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

func (p *Platform) schedule(t testing.TB, s *Stack, id string) error {
	var in struct {
		Name, GroupName, ScheduleExpression, ScheduleExpressionTimezone, State, Description string
		FlexibleTimeWindow                                                                  struct {
			Mode                   types.FlexibleTimeWindowMode
			MaximumWindowInMinutes *int32
		}
		Target struct {
			Arn, RoleArn, Input string
			DeadLetterConfig    *types.DeadLetterConfig
			RetryPolicy         *types.RetryPolicy
		}
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return err
	}
	if in.GroupName == "" { // the default group, which outlives platforms
		return fmt.Errorf("it is in no group")
	}
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	_, err = p.cloud.Schedule.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{Name: &name, GroupName: &in.GroupName,
		ScheduleExpression: &in.ScheduleExpression, FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: in.FlexibleTimeWindow.Mode,
			MaximumWindowInMinutes: in.FlexibleTimeWindow.MaximumWindowInMinutes},
		Target: &types.Target{Arn: &in.Target.Arn, RoleArn: &in.Target.RoleArn, Input: &in.Target.Input, DeadLetterConfig: in.Target.DeadLetterConfig,
			RetryPolicy: in.Target.RetryPolicy}})
	return err
}

// eventRule is a rule of EventBridge.
type eventRule struct {
	arn     string
	pattern map[string]any // nil: it goes off by a clock
	targets []ruleTarget
}

type ruleTarget struct {
	Arn, Id, Input                         string
	DeadLetterConfig, RetryPolicy, RoleArn anything
}

func (p *Platform) rule(_ testing.TB, s *Stack, id string) error {
	var in struct {
		Name, ScheduleExpression, State, Description string
		Targets                                      []ruleTarget
		EventPattern                                 map[string]any
		Tags                                         anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn, err := p.resolver.ARN(s, id)
	if in.State != "DISABLED" {
		p.rules = append(p.rules, eventRule{arn, in.EventPattern, in.Targets})
	}
	return err
}

// deployed tells of a stack that CloudFormation has made, as it does on EventBridge.
func (p *Platform) deployed(t testing.TB, s *Stack) {
	event := map[string]any{"source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change", "account": p.World.Account,
		"region": p.World.Region, "detail": map[string]any{"stack-id": p.World.arn("cloudformation", "stack/"+s.Name+"/"+p.World.Generation),
			"status-details": map[string]any{"status": "CREATE_COMPLETE"}}}
	for _, r := range p.rules {
		if r.pattern == nil || !fits(r.pattern, event) {
			continue
		}
		for _, to := range r.targets {
			require.NoError(t, p.target(to.Arn, "events.amazonaws.com", r.arn, to.Input), "rule %s", r.arn)
		}
	}
}

// fits tells whether an event is like a pattern (docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html), of which there are
// texts and prefixes here; anything else fits nothing.
func fits(pattern, event any) bool {
	switch p := pattern.(type) {
	case map[string]any:
		e, ok := event.(map[string]any)
		for key, of := range p {
			ok = ok && fits(of, e[key])
		}
		return ok
	case []any:
		for _, one := range p {
			if of, is := one.(map[string]any); is && len(of) == 1 {
				prefix, text := of["prefix"].(string)
				value, there := event.(string)
				if text && there && strings.HasPrefix(value, prefix) {
					return true
				}
			}
			if one == event {
				return true
			}
		}
	}
	return false
}

// Schedules gives all schedules there are in the platform's groups, its own and its customers', as EventBridge Scheduler has them.
func (p *Platform) Schedules(t testing.TB) (all []*scheduler.GetScheduleOutput) {
	for _, group := range p.groups {
		for pages := scheduler.NewListSchedulesPaginator(p.cloud.Schedule, &scheduler.ListSchedulesInput{GroupName: aws.String(group)}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, s := range page.Schedules {
				is, err := p.cloud.Schedule.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: s.GroupName, Name: s.Name})
				require.NoError(t, err)
				all = append(all, is)
			}
		}
	}
	return all
}

// Tick has all schedules whose names hold a text, and all rules, go off once as at a time, and tells how many did.
func (p *Platform) Tick(t testing.TB, holds string, at time.Time) (n int) {
	t.Helper()
	for _, s := range p.Schedules(t) {
		if s.State == types.ScheduleStateDisabled || !strings.Contains(*s.Name, holds) {
			continue
		}
		n++
		input := strings.NewReplacer("<aws.scheduler.scheduled-time>", at.UTC().Format(time.RFC3339), "<aws.scheduler.schedule-arn>", aws.ToString(s.Arn)).
			Replace(aws.ToString(s.Target.Input))
		take := policytest.Request{Action: "sts:AssumeRole", Resource: *s.Target.RoleArn, Principal: "scheduler.amazonaws.com",
			Context: p.from(p.World.arn("scheduler", "schedule-group/"+*s.GroupName))}
		require.True(t, p.Account.Ask(take), "schedule %s cannot take %s", *s.Name, *s.Target.RoleArn)
		require.NoError(t, p.target(*s.Target.Arn, *s.Target.RoleArn, "", input), "schedule %s", *s.Name)
	}
	for _, r := range p.rules {
		for _, to := range r.targets {
			if r.pattern != nil || !strings.Contains(r.arn, holds) {
				continue
			}
			n++
			require.NoError(t, p.target(to.Arn, "events.amazonaws.com", r.arn, to.Input), "rule %s", r.arn)
		}
	}
	return n
}

// target sends to a queue, or invokes a function, and waits for its answer.
func (p *Platform) target(arn, principal, source, input string) error {
	f := p.functions[arn]
	if f == nil {
		return p.send(principal, source, arn, input)
	}
	r := policytest.Request{Action: "lambda:InvokeFunction", Resource: arn, Principal: principal, Context: map[string][]string{}}
	if source != "" {
		r.Context = p.from(source)
	}
	if !p.Account.Ask(r) {
		return fmt.Errorf("%s may not invoke %s", principal, f.Name)
	}
	return f.later(input)
}

// Lose has a schedule of a group whose target cannot be reached send to the dead letters in its place.
func (p *Platform) Lose(t testing.TB, group string) {
	for _, s := range p.Schedules(t) {
		if *s.GroupName == group {
			require.NoError(t, p.send(*s.Target.RoleArn, "", *s.Target.DeadLetterConfig.Arn, aws.ToString(s.Target.Input)))
			return
		}
	}
	t.Fatalf("group %s has no schedule", group)
}

// Groups gives the names of the platform's groups of schedules.
func (p *Platform) Groups() []string { return p.groups }

// Package eventbridge_test puts schedules into moto's EventBridge Scheduler, whose schedules do not fire, and counts calls by a clock.
package eventbridge_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/schedule/eventbridge"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	abc   tenant.ID = "ten_01J00000000000000000000000"
	xyz   tenant.ID = "ten_01J00000000000000000000001"
	queue           = "arn:aws:sqs:us-east-1:123456789012:runs"
	dead            = "arn:aws:sqs:us-east-1:123456789012:dead"
	role            = "arn:aws:iam::123456789012:role/scheduler"
)

func options(group string) eventbridge.Options {
	return eventbridge.Options{Region: mototest.Region, Group: group, Queue: queue, Dead: dead, Role: role}
}

// emulated is a scheduler on moto with a group of its own.
func emulated(t *testing.T) (*eventbridge.Scheduler, *scheduler.Client, string) {
	client := scheduler.NewFromConfig(mototest.Config(mototest.Start(t)), func(o *scheduler.Options) { o.Retryer = aws.NopRetryer{} })
	group := rand.Text()
	_, err := client.CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: &group})
	require.NoError(t, err)
	return eventbridge.New(client, options(group)), client, group
}

func entry(id tenant.ID, k collect.Kind, expression string) schedule.Entry {
	return schedule.Entry{Name: schedule.Name{Tenant: id, Project: tenant.Unassigned, Kind: k}, Expression: expression, WindowMinutes: 30, Enabled: true}
}

func list(t *testing.T, s *eventbridge.Scheduler, id tenant.ID) []schedule.Entry {
	all, err := s.List(t.Context(), id)
	require.NoError(t, err)
	slices.SortFunc(all, func(a, b schedule.Entry) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return all
}

func TestSchedulesOnMoto(t *testing.T) {
	s, client, group := emulated(t)
	costs, metrics, others := entry(abc, collect.Costs, "cron(0 6 * * ? *)"), entry(abc, collect.Metrics, "rate(6 hours)"), entry(xyz, collect.Costs, "rate(1 day)")
	metrics.Enabled, metrics.WindowMinutes = false, 0
	for _, e := range []schedule.Entry{costs, metrics, others} {
		require.NoError(t, s.Put(t.Context(), e))
	}
	name := costs.Name.String()
	t.Run("are there as they were put, those of a tenant", func(t *testing.T) {
		require.Equal(t, []schedule.Entry{costs, metrics}, list(t, s, abc))
		require.Equal(t, []schedule.Entry{others}, list(t, s, xyz))
		names, next, err := s.Names(t.Context(), "")
		require.NoError(t, err)
		require.Empty(t, next)
		require.ElementsMatch(t, []schedule.Name{costs.Name, metrics.Name, others.Name}, names)
	})
	t.Run("send a message of the slot to the collect queue, by the role, within the window", func(t *testing.T) {
		got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: &name})
		require.NoError(t, err)
		require.Equal(t, []string{queue, role, dead}, []string{*got.Target.Arn, *got.Target.RoleArn, *got.Target.DeadLetterConfig.Arn})
		require.Equal(t, "UTC", *got.ScheduleExpressionTimezone)
		require.EqualValues(t, 30, *got.FlexibleTimeWindow.MaximumWindowInMinutes)
		require.Contains(t, *got.Target.Input, `"slot":"<aws.scheduler.scheduled-time>"`)
		sent := strings.Replace(*got.Target.Input, "<aws.scheduler.scheduled-time>", "2026-03-03T06:00:00Z", 1)
		all, err := collect.ParseMessages([]byte(sent))
		require.NoError(t, err)
		require.Equal(t, []collect.Message{{Kind: collect.Costs, Tenant: abc, Project: tenant.Unassigned, Slot: time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)}}, all)
	})
	t.Run("of a rate begin with one of its slots", func(t *testing.T) {
		rate := metrics.Name.String()
		got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: &rate})
		require.NoError(t, err)
		require.Zero(t, got.StartDate.Unix()%(6*3600))
		require.True(t, got.StartDate.After(time.Now()))
	})
	t.Run("are changed by being put", func(t *testing.T) {
		changed := costs
		changed.Expression, changed.WindowMinutes, changed.Enabled = "rate(12 hours)", 0, false
		require.NoError(t, s.Put(t.Context(), changed))
		require.Equal(t, []schedule.Entry{changed, metrics}, list(t, s, abc))
		require.NoError(t, s.Put(t.Context(), costs))
		require.Equal(t, []schedule.Entry{costs, metrics}, list(t, s, abc))
	})
	t.Run("are gone when they are removed, however often", func(t *testing.T) {
		for range 2 {
			require.NoError(t, s.Remove(t.Context(), costs.Name))
		}
		require.Equal(t, []schedule.Entry{metrics}, list(t, s, abc))
	})
	t.Run("of what is no expression are refused", func(t *testing.T) {
		require.Error(t, s.Put(t.Context(), entry(abc, collect.Costs, "daily")))
	})
}

func TestSchedulesThatSomebodyElseHasChangedEqualNone(t *testing.T) {
	s, client, group := emulated(t)
	costs := entry(abc, collect.Costs, "cron(0 6 * * ? *)")
	require.NoError(t, s.Put(t.Context(), costs))
	name := costs.Name.String()
	for what, change := range map[string]func(*scheduler.UpdateScheduleInput){
		"another queue":    func(in *scheduler.UpdateScheduleInput) { in.Target.Arn = aws.String(dead) },
		"another role":     func(in *scheduler.UpdateScheduleInput) { in.Target.RoleArn = aws.String(role + "2") },
		"another message":  func(in *scheduler.UpdateScheduleInput) { in.Target.Input = aws.String("{}") },
		"another zone":     func(in *scheduler.UpdateScheduleInput) { in.ScheduleExpressionTimezone = aws.String("Europe/Berlin") },
		"an end":           func(in *scheduler.UpdateScheduleInput) { in.EndDate = aws.Time(time.Now().Add(time.Hour)) },
		"a beginning":      func(in *scheduler.UpdateScheduleInput) { in.StartDate = aws.Time(time.Now().Add(time.Hour)) },
		"no dead letters":  func(in *scheduler.UpdateScheduleInput) { in.Target.DeadLetterConfig = nil },
		"another patience": func(in *scheduler.UpdateScheduleInput) { in.Target.RetryPolicy.MaximumRetryAttempts = aws.Int32(0) },
	} {
		got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: &name})
		require.NoError(t, err)
		in := &scheduler.UpdateScheduleInput{Name: &name, GroupName: &group, FlexibleTimeWindow: got.FlexibleTimeWindow, ScheduleExpression: got.ScheduleExpression,
			ScheduleExpressionTimezone: got.ScheduleExpressionTimezone, State: got.State, Target: got.Target}
		change(in)
		_, err = client.UpdateSchedule(t.Context(), in)
		require.NoError(t, err)
		require.NotEqual(t, costs, list(t, s, abc)[0], what)
		require.NoError(t, s.Put(t.Context(), costs))
		require.Equal(t, costs, list(t, s, abc)[0], what)
	}
}

func TestSchedulesOfOthersInTheGroupAreLetAlone(t *testing.T) {
	s, client, group := emulated(t)
	ours := entry(abc, collect.Costs, "rate(1 day)")
	require.NoError(t, s.Put(t.Context(), ours))
	_, err := client.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{Name: aws.String("somebody"), GroupName: &group, ScheduleExpression: aws.String("rate(1 day)"),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}, Target: &types.Target{Arn: aws.String(queue), RoleArn: aws.String(role)}})
	require.NoError(t, err)
	names, _, err := s.Names(t.Context(), "")
	require.NoError(t, err)
	require.ElementsMatch(t, []schedule.Name{ours.Name}, names)
}

func TestSchedulesComeInPages(t *testing.T) {
	s, _, _ := emulated(t)
	for i := range 130 {
		e := entry(xyz, collect.Costs, "rate(1 day)")
		e.Project = tenant.ProjectID(fmt.Sprintf("prj_01J0000000000000000000%04d", i))
		require.NoError(t, s.Put(t.Context(), e))
	}
	require.Len(t, list(t, s, xyz), 130)
	first, next, err := s.Names(t.Context(), "")
	require.NoError(t, err)
	rest, next2, err := s.Names(t.Context(), next)
	require.NoError(t, err)
	require.Empty(t, next2)
	require.Len(t, append(first, rest...), 130)
}

// counted is an API that notes when it was called and fails as told.
type counted struct {
	eventbridge.API // nil: what is not below is not called
	mu              sync.Mutex
	now             time.Time
	at              []time.Time
	fails           func(n int) error
}

func (c *counted) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *counted) sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return nil
}

func (c *counted) call() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, c.now)
	if c.fails != nil {
		return c.fails(len(c.at))
	}
	return nil
}

// CreateSchedule notes the call.
func (c *counted) CreateSchedule(context.Context, *scheduler.CreateScheduleInput, ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error) {
	return &scheduler.CreateScheduleOutput{}, c.call()
}

func timed(region string, fails func(n int) error) (*eventbridge.Scheduler, *counted) {
	c := &counted{now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), fails: fails}
	o := options("g")
	o.Region, o.Clock, o.Sleep, o.Random = region, c.clock, c.sleep, func() float64 { return 1 }
	return eventbridge.New(c, o), c
}

func TestCallsStayWithinHalfOfTheQuota(t *testing.T) {
	for region, quota := range map[string]int{"us-east-1": 1000, "eu-north-1": 250} {
		s, c := timed(region, nil)
		for range 3000 {
			require.NoError(t, s.Put(t.Context(), entry(abc, collect.Costs, "rate(1 day)")))
		}
		for i, at := range c.at { // in the second from any call on
			n, _ := slices.BinarySearchFunc(c.at, at.Add(time.Second), time.Time.Compare)
			require.LessOrEqual(t, n-i, quota/2+quota/20+1, region)
		}
		took := c.now.Sub(c.at[0]).Seconds()
		require.InDelta(t, 3000/(float64(quota)/2), took, 0.2, region)
	}
}

func TestACallThatIsThrottled(t *testing.T) {
	throttled := &types.ThrottlingException{Message: aws.String("Rate exceeded")}
	t.Run("is made again, each time later", func(t *testing.T) {
		s, c := timed("us-east-1", func(n int) error {
			if n < 5 {
				return throttled
			}
			return nil
		})
		require.NoError(t, s.Put(t.Context(), entry(abc, collect.Costs, "rate(1 day)")))
		require.Len(t, c.at, 5)
		for i := 2; i < len(c.at); i++ {
			require.Greater(t, c.at[i].Sub(c.at[i-1]), c.at[i-1].Sub(c.at[i-2])*3/2)
		}
	})
	t.Run("again and again is given up, to be repeated by the message", func(t *testing.T) {
		s, c := timed("us-east-1", func(int) error { return throttled })
		require.True(t, fault.Is(s.Put(t.Context(), entry(abc, collect.Costs, "rate(1 day)")), fault.Limited))
		require.Len(t, c.at, 8)
	})
	t.Run("for another reason is not made again", func(t *testing.T) {
		for _, err := range []error{&types.ValidationException{}, &types.ServiceQuotaExceededException{}, errors.New("no")} {
			s, c := timed("us-east-1", func(int) error { return err })
			require.True(t, fault.Is(s.Put(t.Context(), entry(abc, collect.Costs, "rate(1 day)")), fault.Unavailable))
			require.Len(t, c.at, 1)
		}
	})
	t.Run("of a group that is missing says so", func(t *testing.T) {
		s, _ := timed("us-east-1", func(int) error { return &types.ResourceNotFoundException{} })
		require.ErrorContains(t, s.Put(t.Context(), entry(abc, collect.Costs, "rate(1 day)")), "group g is missing")
	})
}

func TestTheMessageHasOnePlaceForTheSlot(t *testing.T) {
	var m map[string]any
	s, client, group := emulated(t)
	e := entry(abc, collect.Resources, "rate(1 day)")
	require.NoError(t, s.Put(t.Context(), e))
	name := e.Name.String()
	got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: &name})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(*got.Target.Input), &m))
	require.Equal(t, map[string]any{"kind": "resources", "tenant": string(abc), "project": "unassigned", "slot": "<aws.scheduler.scheduled-time>"}, m)
}

// Package eventbridge is the Scheduler that is Amazon EventBridge Scheduler: a schedule for each entry, in one group that is the
// stage's own, whose target is the collect queue.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// API is what is called of EventBridge Scheduler.
type API interface {
	CreateSchedule(context.Context, *scheduler.CreateScheduleInput, ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error)
	UpdateSchedule(context.Context, *scheduler.UpdateScheduleInput, ...func(*scheduler.Options)) (*scheduler.UpdateScheduleOutput, error)
	DeleteSchedule(context.Context, *scheduler.DeleteScheduleInput, ...func(*scheduler.Options)) (*scheduler.DeleteScheduleOutput, error)
	GetSchedule(context.Context, *scheduler.GetScheduleInput, ...func(*scheduler.Options)) (*scheduler.GetScheduleOutput, error)
	ListSchedules(context.Context, *scheduler.ListSchedulesInput, ...func(*scheduler.Options)) (*scheduler.ListSchedulesOutput, error)
}

// Options of a Scheduler. All but Clock, Sleep and Random are needed.
type Options struct {
	Region string
	Group  string // of the schedules; the deployment makes it
	Queue  string // ARN of the collect queue
	Role   string // ARN of the role by which EventBridge Scheduler sends to it
	Dead   string // ARN of the queue of messages that cannot be sent

	Clock  func() time.Time                           // time.Now where nil
	Sleep  func(context.Context, time.Duration) error // waits; by the machine's clock where nil
	Random func() float64                             // 0 to 1, of pauses; math/rand where nil
}

// Scheduler is a schedule.Scheduler. It is safe for concurrent use.
type Scheduler struct {
	Options
	api   API
	paces paces
}

// New makes a Scheduler; it calls nothing. The client must not repeat calls itself: the Scheduler does, within the quotas.
func New(api API, o Options) *Scheduler {
	o = o.whole()
	return &Scheduler{Options: o, api: api, paces: newPaces(o)}
}

const (
	slotOf  = "<aws.scheduler.scheduled-time>" // docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
	zone    = "UTC"
	page    = 100 // the most that ListSchedules gives at once
	atOnce  = 16  // calls of GetSchedule
	maxAge  = 6 * 60 * 60
	retries = 20 // of a message, by EventBridge Scheduler, over maxAge seconds: the queue is hardly ever away
)

// stand is a slot that no message has, for the place of the one that EventBridge Scheduler puts in.
var stand = time.Date(2199, 12, 31, 23, 59, 59, 0, time.UTC)

// input is the message of a schedule, with the slot yet to be put in.
func input(n schedule.Name) (string, error) {
	b, err := json.Marshal(collect.Message{Kind: n.Kind, Tenant: n.Tenant, Project: n.Project, Slot: stand})
	return strings.Replace(string(b), stand.Format(time.RFC3339), slotOf, 1), err
}

// target is where an entry's messages go.
func (s *Scheduler) target(n schedule.Name) (*types.Target, error) {
	in, err := input(n)
	if err != nil {
		return nil, fmt.Errorf("write the message of a schedule: %w", err)
	}
	return &types.Target{Arn: &s.Queue, RoleArn: &s.Role, Input: &in, DeadLetterConfig: &types.DeadLetterConfig{Arn: &s.Dead},
		RetryPolicy: &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(maxAge), MaximumRetryAttempts: aws.Int32(retries)}}, nil
}

func window(minutes int) *types.FlexibleTimeWindow {
	if minutes == 0 {
		return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}
	}
	return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(int32(minutes))}
}

func state(enabled bool) types.ScheduleState {
	if enabled {
		return types.ScheduleStateEnabled
	}
	return types.ScheduleStateDisabled
}

// start is where a rate counts from: its next slot, as no time that is past is taken. Nil for what is no rate.
func (s *Scheduler) start(e schedule.Entry) (*time.Time, error) {
	x, err := schedule.ParseExpression(e.Expression)
	if err != nil || x.Rate() == 0 {
		return nil, err
	}
	next := x.Next(s.Clock())
	return &next, nil
}

// Put makes the schedule of an entry, or makes it as given.
func (s *Scheduler) Put(ctx context.Context, e schedule.Entry) error {
	target, err := s.target(e.Name)
	if err != nil {
		return err
	}
	start, err := s.start(e)
	if err != nil {
		return fmt.Errorf("put schedule %s: %w", e.Name, err)
	}
	name := e.Name.String()
	for range 3 { // somebody else may make it or remove it in between
		err = s.call(ctx, s.paces.create, func() error {
			_, err := s.api.CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: &name, GroupName: &s.Group, ScheduleExpression: &e.Expression,
				ScheduleExpressionTimezone: aws.String(zone), FlexibleTimeWindow: window(e.WindowMinutes), State: state(e.Enabled), StartDate: start, Target: target})
			return err
		})
		if _, there := errors.AsType[*types.ConflictException](err); !there {
			return s.failed(err)
		}
		err = s.call(ctx, s.paces.update, func() error {
			_, err := s.api.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{Name: &name, GroupName: &s.Group, ScheduleExpression: &e.Expression,
				ScheduleExpressionTimezone: aws.String(zone), FlexibleTimeWindow: window(e.WindowMinutes), State: state(e.Enabled), StartDate: start, Target: target})
			return err
		})
		if !gone(err) {
			return s.failed(err)
		}
	}
	return s.failed(err)
}

// Remove removes the schedule of an entry.
func (s *Scheduler) Remove(ctx context.Context, n schedule.Name) error {
	name := n.String()
	err := s.call(ctx, s.paces.remove, func() error {
		_, err := s.api.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: &name, GroupName: &s.Group})
		return err
	})
	if gone(err) {
		return nil
	}
	return s.failed(err)
}

func gone(err error) bool {
	_, is := errors.AsType[*types.ResourceNotFoundException](err)
	return is
}

// List gives all entries of a tenant.
func (s *Scheduler) List(ctx context.Context, id tenant.ID) (all []schedule.Entry, err error) {
	for after := ""; ; {
		names, next, err := s.names(ctx, schedule.Prefix(id), after)
		if err != nil {
			return nil, err
		}
		some, err := s.read(ctx, names)
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); next == "" {
			return all, nil
		}
		after = next
	}
}

// Names gives a page of the names of all entries.
func (s *Scheduler) Names(ctx context.Context, after string) ([]schedule.Name, string, error) {
	return s.names(ctx, "", after)
}

// names passes over what is not named as an entry is: it is of somebody else.
func (s *Scheduler) names(ctx context.Context, prefix, after string) (names []schedule.Name, next string, err error) {
	in := scheduler.ListSchedulesInput{GroupName: &s.Group, MaxResults: aws.Int32(page)}
	if prefix != "" {
		in.NamePrefix = &prefix
	}
	if after != "" {
		in.NextToken = &after
	}
	var out *scheduler.ListSchedulesOutput
	err = s.call(ctx, s.paces.list, func() error {
		out, err = s.api.ListSchedules(ctx, &in)
		return err
	})
	if err != nil {
		return nil, "", s.failed(err)
	}
	for _, one := range out.Schedules {
		if n, err := schedule.ParseName(aws.ToString(one.Name)); err == nil {
			names = append(names, n)
		}
	}
	return names, aws.ToString(out.NextToken), nil
}

// read gives the entries of names, several at once; one that is gone is left out.
func (s *Scheduler) read(ctx context.Context, names []schedule.Name) ([]schedule.Entry, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		all   []schedule.Entry
		first error
	)
	free := make(chan struct{}, atOnce)
	for _, n := range names {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			e, err := s.one(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				all = append(all, e)
			case !gone(err) && first == nil:
				first = s.failed(err)
				stop()
			}
		})
	}
	group.Wait()
	return all, first
}

func (s *Scheduler) one(ctx context.Context, n schedule.Name) (schedule.Entry, error) {
	name := n.String()
	var out *scheduler.GetScheduleOutput
	err := s.call(ctx, s.paces.get, func() (err error) {
		out, err = s.api.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &name, GroupName: &s.Group})
		return err
	})
	if err != nil {
		return schedule.Entry{}, err
	}
	return s.entry(n, out)
}

// drifted is the Expression of a schedule that does not do what any entry does.
const drifted = "drifted"

// entry says what a schedule does.
func (s *Scheduler) entry(n schedule.Name, out *scheduler.GetScheduleOutput) (schedule.Entry, error) {
	want, err := s.target(n)
	if err != nil {
		return schedule.Entry{}, err
	}
	e := schedule.Entry{Name: n, Expression: aws.ToString(out.ScheduleExpression), Enabled: out.State == types.ScheduleStateEnabled}
	if w := out.FlexibleTimeWindow; w != nil && w.Mode == types.FlexibleTimeWindowModeFlexible {
		e.WindowMinutes = int(aws.ToInt32(w.MaximumWindowInMinutes))
	}
	if aws.ToString(out.ScheduleExpressionTimezone) != zone || out.EndDate != nil || !sameTarget(out.Target, want) || !counted(e.Expression, out.StartDate) {
		e.Expression = drifted
	}
	return e, nil
}

// counted tells whether a schedule counts from where it should: a rate from one of its slots, others from anywhere.
func counted(expression string, start *time.Time) bool {
	x, err := schedule.ParseExpression(expression)
	if err != nil || x.Rate() == 0 {
		return start == nil
	}
	return start != nil && x.Next(start.Add(-time.Second)).Equal(*start)
}

func sameTarget(a, b *types.Target) bool {
	if a == nil || a.DeadLetterConfig == nil || a.RetryPolicy == nil {
		return false
	}
	return aws.ToString(a.Arn) == aws.ToString(b.Arn) && aws.ToString(a.RoleArn) == aws.ToString(b.RoleArn) && aws.ToString(a.Input) == aws.ToString(b.Input) &&
		aws.ToString(a.DeadLetterConfig.Arn) == aws.ToString(b.DeadLetterConfig.Arn) &&
		aws.ToInt32(a.RetryPolicy.MaximumRetryAttempts) == aws.ToInt32(b.RetryPolicy.MaximumRetryAttempts) &&
		aws.ToInt32(a.RetryPolicy.MaximumEventAgeInSeconds) == aws.ToInt32(b.RetryPolicy.MaximumEventAgeInSeconds)
}

// failed gives an error of EventBridge Scheduler as the platform's own.
func (s *Scheduler) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case throttled(err):
		return fault.Wrap(err, fault.Limited, "too many schedules are being changed at once")
	case gone(err):
		return fault.Wrap(err, fault.Unavailable, "the schedule group %s is missing", s.Group)
	}
	return fault.Wrap(err, fault.Unavailable, "schedules cannot be changed now")
}

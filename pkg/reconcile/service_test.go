package reconcile_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// errKilled is what a call of a process that is no more comes to.
var errKilled = errors.New("killed")

// service is EventBridge Scheduler with its quotas, in memory, by a clock of its own. What is called more often within a second than a
// quota lets is throttled.
type service struct {
	mu        sync.Mutex
	now       time.Time
	quota     int                                                  // calls a second of each operation
	all       map[string]map[string]*scheduler.CreateScheduleInput // by the part of the name before the first hyphen, and the name
	second    map[string]time.Time                                 // of each operation, the second that is counted
	called    map[string]int                                       // in it
	changes   int                                                  // calls that changed something, since it was set to 0
	throttled int
	busiest   int  // calls of one operation in one second
	kill      int  // the call after that many more is the last one of its process, and all after it fail; 0: none
	after     bool // whether that call is done first
	dead      bool
}

func newService(quota int) *service {
	return &service{now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), quota: quota, all: map[string]map[string]*scheduler.CreateScheduleInput{},
		second: map[string]time.Time{}, called: map[string]int{}}
}

func (s *service) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// sleep moves the clock to the end of the sleep: sleepers sleep at the same time.
func (s *service) sleep(_ context.Context, d time.Duration) error {
	until := s.clock().Add(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.Before(until) {
		s.now = until
	}
	return nil
}

// call does what an operation does, unless it is throttled or its process is no more.
func (s *service) call(operation string, changes bool, do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return errKilled
	}
	if second := s.now.Truncate(time.Second); !s.second[operation].Equal(second) {
		s.second[operation], s.called[operation] = second, 0
	}
	s.called[operation]++
	s.busiest = max(s.busiest, s.called[operation])
	if most := map[bool]int{true: 50, false: s.quota}[operation == "list"]; s.called[operation] > most {
		s.throttled++
		return &types.ThrottlingException{}
	}
	if s.kill > 0 {
		if s.kill--; s.kill == 0 {
			s.dead = true
			if s.after {
				_ = do()
			}
			return errKilled
		}
	}
	err := do()
	if err == nil && changes {
		s.changes++
	}
	return err
}

// revive starts a process anew, which is killed at a call; 0: at none.
func (s *service) revive(kill int, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.kill, s.after = false, kill, after
}

func (s *service) of(name string) map[string]*scheduler.CreateScheduleInput {
	prefix, _, _ := strings.Cut(name, "-")
	if s.all[prefix] == nil {
		s.all[prefix] = map[string]*scheduler.CreateScheduleInput{}
	}
	return s.all[prefix]
}

// size counts the schedules.
func (s *service) size() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.all {
		n += len(of)
	}
	return n
}

// CreateSchedule makes a schedule where there is none of the name.
func (s *service) CreateSchedule(_ context.Context, in *scheduler.CreateScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error) {
	return &scheduler.CreateScheduleOutput{}, s.call("create", true, func() error {
		if s.of(*in.Name)[*in.Name] != nil {
			return &types.ConflictException{}
		}
		s.of(*in.Name)[*in.Name] = in
		return nil
	})
}

// UpdateSchedule replaces one that is there.
func (s *service) UpdateSchedule(_ context.Context, in *scheduler.UpdateScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.UpdateScheduleOutput, error) {
	return &scheduler.UpdateScheduleOutput{}, s.call("update", true, func() error {
		if s.of(*in.Name)[*in.Name] == nil {
			return &types.ResourceNotFoundException{}
		}
		s.of(*in.Name)[*in.Name] = &scheduler.CreateScheduleInput{Name: in.Name, GroupName: in.GroupName, ScheduleExpression: in.ScheduleExpression, StartDate: in.StartDate,
			ScheduleExpressionTimezone: in.ScheduleExpressionTimezone, FlexibleTimeWindow: in.FlexibleTimeWindow, State: in.State, Target: in.Target, EndDate: in.EndDate}
		return nil
	})
}

// DeleteSchedule removes one that is there.
func (s *service) DeleteSchedule(_ context.Context, in *scheduler.DeleteScheduleInput, _ ...func(*scheduler.Options)) (*scheduler.DeleteScheduleOutput, error) {
	return &scheduler.DeleteScheduleOutput{}, s.call("delete", true, func() error {
		if s.of(*in.Name)[*in.Name] == nil {
			return &types.ResourceNotFoundException{}
		}
		delete(s.of(*in.Name), *in.Name)
		return nil
	})
}

// GetSchedule gives one.
func (s *service) GetSchedule(_ context.Context, in *scheduler.GetScheduleInput, _ ...func(*scheduler.Options)) (out *scheduler.GetScheduleOutput, err error) {
	err = s.call("get", false, func() error {
		one := s.of(*in.Name)[*in.Name]
		if one == nil {
			return &types.ResourceNotFoundException{}
		}
		out = &scheduler.GetScheduleOutput{Name: one.Name, ScheduleExpression: one.ScheduleExpression, ScheduleExpressionTimezone: one.ScheduleExpressionTimezone,
			StartDate: one.StartDate, EndDate: one.EndDate, FlexibleTimeWindow: one.FlexibleTimeWindow, State: one.State, Target: one.Target}
		return nil
	})
	return out, err
}

// ListSchedules gives a page of names in their order; a token is the last one.
func (s *service) ListSchedules(_ context.Context, in *scheduler.ListSchedulesInput, _ ...func(*scheduler.Options)) (out *scheduler.ListSchedulesOutput, err error) {
	out = &scheduler.ListSchedulesOutput{}
	err = s.call("list", false, func() error {
		var names []string
		after, _, _ := strings.Cut(aws.ToString(in.NextToken), "-")
		if prefix, _, is := strings.Cut(aws.ToString(in.NamePrefix), "-"); is {
			names = slices.Collect(maps.Keys(s.of(prefix)))
		} else {
			for _, prefix := range slices.Sorted(maps.Keys(s.all)) {
				if prefix >= after {
					names = slices.AppendSeq(names, maps.Keys(s.all[prefix]))
				}
				if len(names) > 5*int(*in.MaxResults) {
					break
				}
			}
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n <= aws.ToString(in.NextToken) })
		slices.Sort(names)
		if most := int(*in.MaxResults); len(names) > most {
			names = names[:most]
			out.NextToken = &names[most-1]
		}
		for _, n := range names {
			out.Schedules = append(out.Schedules, types.ScheduleSummary{Name: &n})
		}
		return nil
	})
	return out, err
}

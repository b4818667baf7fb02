// Package cloudwatch collects what the resources of AWS accounts use: metrics of CloudWatch by GetMetricData, a value for each day, of the
// resources that were collected before, each in its region.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Collector is the collect.Collector of metrics. All fields but the last two are needed.
type Collector struct {
	// Config gives the configuration that acts in the connection's account.
	Config  func(ctx context.Context, s *tenant.Scope, c connection.Connection) (aws.Config, error)
	Clock   func() time.Time
	Random  io.Reader
	Retryer func() aws.Retryer // of single requests; nil for the SDK's own
	Options func(*cw.Options)  // of clients; nil for the SDK's own
}

const (
	firstDays = 14 // that a resource's first collection goes back: percentiles are whole for 15
	settling  = 2  // days that are asked for again, since some things are told late
	farthest  = 60 // days that a collection goes back after a long rest
)

// notes are what a step leaves to the next.
type notes struct {
	Begun   bool              `json:"begun,omitempty"`
	At      time.Time         `json:"at"`    // when the run began
	Until   calendar.Day      `json:"until"` // the first day that is not whole
	After   string            `json:"after,omitempty"`
	First   string            `json:"first,omitempty"` // ARN of what was left waiting last time, which comes first
	Parts   []string          `json:"parts,omitempty"` // of what was read
	Skipped map[string]string `json:"skipped,omitempty"`
	Refused int               `json:"refused,omitempty"` // metrics that CloudWatch could not give whole
	Read    int               `json:"read,omitempty"`    // batches that were answered
}

// step is one call of Collect.
type step struct {
	*Collector
	task  *collect.Task
	book  metric.Book
	notes notes
	base  aws.Config
	read  []metric.Reading // that are not put aside yet
}

// most bounds the readings that are held until they are put aside.
const most = 10_000

// Collect asks for metrics until the step's time is over and, when all are read, makes visible what they have told. Of a slot that is done,
// or older than one that is, it asks nothing.
func (c *Collector) Collect(ctx context.Context, t *collect.Task) (more bool, err error) {
	s := &step{Collector: c, task: t}
	if err := t.Notes(&s.notes); err != nil {
		return false, err
	}
	if s.notes.Skipped == nil {
		s.notes.Skipped = map[string]string{}
	}
	if s.book, err = metric.ReadBook(ctx, t.Tenant, t.Connection.AccountID); err != nil || !t.Slot.After(s.book.Slot) {
		return false, err
	}
	if !s.notes.Begun {
		now := c.Clock()
		s.notes = notes{Begun: true, At: now.UTC(), Until: calendar.DayOf(now), First: s.book.Waiting, Skipped: map[string]string{}}
	}
	all, err := s.targets(ctx)
	if err != nil {
		return false, err
	}
	if s.notes.Read == 0 && s.notes.After == "" {
		s.estimate(all)
	}
	if len(all) > 0 {
		if s.base, err = c.Config(ctx, t.Scope, t.Connection); err != nil {
			return false, explain(err)
		}
		if s.Retryer != nil {
			s.base.Retryer = s.Retryer
		}
	}
	for len(all) > 0 {
		n := batchOf(all)
		if err := s.batch(ctx, all[:n]); errors.Is(err, collect.ErrCapped) {
			return false, s.capped(ctx, all, err)
		} else if err != nil {
			return false, s.breakOff(ctx, err)
		}
		s.notes.After, all = all[n-1].position, all[n:]
		if s.late() || len(s.read) >= most {
			if err := s.keep(ctx); err != nil {
				return false, err
			}
		}
		if s.late() && len(all) > 0 {
			return true, nil
		}
	}
	return false, s.end(ctx, "")
}

func (s *step) late() bool { return !s.task.Until.IsZero() && !s.Clock().Before(s.task.Until) }

// keep puts aside what was read, and keeps how far it is.
func (s *step) keep(ctx context.Context) error {
	k := metric.Keeper{Clock: s.Clock, Random: s.Random}
	names, err := k.Stage(context.WithoutCancel(ctx), s.task.Tenant, s.task.Connection.AccountID, s.read)
	if err != nil {
		return err
	}
	s.notes.Parts, s.read = append(s.notes.Parts, names...), nil
	return s.task.Keep(s.notes)
}

// breakOff keeps how far it is where the next step goes on from there.
func (s *step) breakOff(ctx context.Context, err error) error {
	if _, slow := errors.AsType[*collect.Throttled](err); slow {
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	return err
}

// estimate says what the run asks for, before it asks.
func (s *step) estimate(all []target) {
	n := int64(0)
	for i := range all {
		n += int64(all[i].queries)
	}
	s.task.Count("estimatedMetrics", n)
	s.task.Stage(fmt.Sprintf("asking for %d metrics of %d resources, $%s", n, len(all), collect.Use{Metrics: n}.Cost()))
}

// capped makes visible what was read before the plan had no more; what is left comes first in the next run. Where nothing was read it is the
// error of the cap.
func (s *step) capped(ctx context.Context, left []target, err error) error {
	if s.notes.Read == 0 {
		return err
	}
	s.task.Partial(fmt.Sprintf("Metrics of %d resources are still to be asked for, with which the next run begins. %s", len(left), collect.Words(err)))
	return s.end(ctx, left[0].arn)
}

// end makes what was read visible. Days become final only where everything was answered.
func (s *step) end(ctx context.Context, waiting string) error {
	if reason := s.denied(); reason != "" {
		return &collect.Denied{Reason: reason}
	}
	if err := s.keep(ctx); err != nil {
		return err
	}
	book := s.book
	book.Slot, book.Waiting = s.task.Slot, waiting
	if s.notes.Refused > 0 {
		s.task.Partial(fmt.Sprintf("CloudWatch could not give %d metrics whole; the next run asks for the same days again.", s.notes.Refused))
	}
	if waiting == "" && s.notes.Refused == 0 && len(s.notes.Skipped) == 0 && s.notes.Read > 0 {
		book.Whole, book.Through = s.notes.At, s.notes.Until-settling
	}
	k := metric.Keeper{Clock: s.Clock, Random: s.Random}
	n, err := k.Commit(ctx, s.task.Tenant, metric.Harvest{Account: s.task.Connection.AccountID, Until: s.notes.Until, Parts: s.notes.Parts, Book: book}, s.task.Guard()...)
	if err != nil {
		return err
	}
	s.task.Count("series", int64(n.Series))
	s.task.Count("values", int64(n.Values))
	for region, reason := range s.notes.Skipped {
		s.task.Skip(region, reason)
	}
	return nil
}

// denied is why no region at all could be read; "" where one was, or where there was nothing to read.
func (s *step) denied() string {
	if s.notes.Read > 0 {
		return ""
	}
	for _, reason := range s.notes.Skipped {
		return reason
	}
	return ""
}

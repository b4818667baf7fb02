// Package dataexport takes the FOCUS exports of AWS Data Exports out of customers' buckets. An export has, for each billing
// period, a manifest that names the files of its latest delivery, and comes after them:
//
//	s3://<bucket>/<prefix>/<export>/data/BILLING_PERIOD=2026-01/[<execution>/]<export>-00001.csv.gz
//	s3://<bucket>/<prefix>/<export>/metadata/BILLING_PERIOD=2026-01/[<execution>/]<export>-Manifest.json
//
// Exports that overwrite have no folders of executions; those that make new reports have one for each, and the manifest above
// them is the latest one's. Files that no manifest names are what is left of earlier deliveries.
// https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
package dataexport

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Collector is a collect.Collector of costs: of a connection's exports first, and then by another. Config, Files, Deliveries, Clock
// and Random are needed.
type Collector struct {
	// Config gives the configuration that acts in the connection's account.
	Config     func(ctx context.Context, s *tenant.Scope, c connection.Connection) (aws.Config, error)
	Files      Files
	Deliveries Deliveries
	Clock      func() time.Time
	Random     io.Reader
	Then       collect.Collector  // collects what no export has; nil for nothing
	Retryer    func() aws.Retryer // of single requests; nil for the SDK's own
	Part       int64              // bytes that are held at a time; 0: 8 MiB, and not less than S3's 5 MiB where files are on S3
}

// part is how much of a file is read and written at a time.
const part = 8 << 20

// Files is where a tenant's deliveries lie, as delivery.Name names them.
type Files interface {
	Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error
	// Begin, Part, Finish and Drop are those of export.Files: a file is there whole after Finish, and not before.
	Begin(ctx context.Context, s *tenant.Scope, name string) (writing string, err error)
	Part(ctx context.Context, s *tenant.Scope, name, writing string, n int, body []byte) (tag string, err error)
	Finish(ctx context.Context, s *tenant.Scope, name, writing string, tags []string) error
	Drop(ctx context.Context, s *tenant.Scope, name, writing string) error
}

// Deliveries takes what was copied: a *delivery.Service.
type Deliveries interface {
	Deposit(ctx context.Context, s *tenant.Scope, d delivery.Deposit) (tenant.DeliveryID, error)
	Outcome(ctx context.Context, s *tenant.Scope, id tenant.DeliveryID) (delivery.Status, string, error)
}

// Source is the source of what an export brings. It has the connection in it: exports of two accounts can have one name.
func Source(id tenant.ConnectionID, export string) string {
	return "export:" + string(id) + "/" + export
}

// step is one call of Collect.
type step struct {
	collector *Collector
	task      *collect.Task
	config    *aws.Config // asked for when it is needed
	book      book
	version   int64
}

// Collect does one step of a connection's exports of a slot, and those of Then when these are done. Exports cost no pages.
func (c *Collector) Collect(ctx context.Context, t *collect.Task) (more bool, err error) {
	s := &step{collector: c, task: t}
	if err := s.load(ctx); err != nil {
		return false, err
	}
	if (len(t.Connection.Exports) > 0 || s.book.Plan != nil) && t.Slot.UnixNano() > s.book.Slot {
		if late, err := s.exports(ctx); err != nil || late {
			return late, err
		}
	}
	if c.Then == nil {
		return false, nil
	}
	return c.Then.Collect(ctx, t)
}

func (s *step) late() bool {
	return !s.task.Until.IsZero() && !s.collector.Clock().Before(s.task.Until)
}

// exports takes what is new of all exports.
func (s *step) exports(ctx context.Context) (late bool, err error) {
	if p := s.book.Plan; p == nil || p.Slot != s.task.Slot.UnixNano() {
		if err := s.begin(ctx); err != nil {
			return false, err
		}
	}
	for p := s.book.Plan; len(p.Left) > 0; {
		if s.late() {
			return true, s.save(ctx)
		}
		switch e, there := s.export(p.Left[0]); {
		case !there || p.Copy != nil && p.Copy.From != e:
			err = s.skip(ctx) // taken away, or moved, since the plan was made
		case p.Copy == nil:
			err = s.look(ctx, e)
		default:
			err = s.copy(ctx)
		}
		if changed, ok := errors.AsType[*changedError](err); ok {
			err = s.again(ctx, changed)
		}
		if err != nil {
			return false, err
		}
	}
	s.book.Slot, s.book.Plan = s.task.Slot.UnixNano(), nil
	return false, s.save(ctx)
}

// export is one of the connection's by its name, if there is one: a connection may be changed between two steps.
func (s *step) export(name string) (e connection.Export, there bool) {
	all := s.task.Connection.Exports
	if i := slices.IndexFunc(all, func(e connection.Export) bool { return e.Name == name }); i >= 0 {
		return all[i], true
	}
	return connection.Export{}, false
}

// skip gives up what was copied of the first export that is left, and goes on with the next.
func (s *step) skip(ctx context.Context) error {
	p := s.book.Plan
	if p.Copy != nil {
		s.giveUp(p.Copy)
	}
	p.next()
	return s.save(ctx)
}

// begin makes a slot's plan, in which what an earlier one was copying goes on.
func (s *step) begin(ctx context.Context) error {
	if err := s.lookBack(ctx); err != nil {
		return err
	}
	next := &plan{Slot: s.task.Slot.UnixNano()}
	for _, e := range s.task.Connection.Exports {
		next.Left = append(next.Left, e.Name)
		if had := s.book.of(e.Name); had.From != e {
			had.From, had.Periods = e, nil // what lies elsewhere is another thing
		}
	}
	if p := s.book.Plan; p != nil && p.Copy != nil {
		if e, there := s.export(p.Copy.Export); there && e == p.Copy.From {
			i := slices.Index(next.Left, p.Copy.Export)
			next.Left[0], next.Left[i], next.Copy = next.Left[i], next.Left[0], p.Copy
		} else {
			s.giveUp(p.Copy)
		}
	}
	s.book.Plan = next
	return s.save(ctx)
}

// lookBack has what could not be read taken again.
func (s *step) lookBack(ctx context.Context) error {
	for name, e := range s.book.Exports {
		e.Pending = slices.DeleteFunc(e.Pending, func(m made) bool {
			return e.Periods == nil && !slices.ContainsFunc(s.task.Connection.Exports, func(of connection.Export) bool { return of.Name == name })
		})
		for i := 0; i < len(e.Pending); i++ {
			m := e.Pending[i]
			status, reason, err := s.collector.Deliveries.Outcome(ctx, s.task.Scope, m.Delivery)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if status == delivery.Failed {
				s.task.Aside("The last delivery of the export " + name + " could not be read, and is taken again: " + reason)
				for _, of := range m.Periods {
					delete(e.Periods, of)
				}
			}
			if err != nil || status == delivery.Failed || status == delivery.Succeeded {
				e.Pending = slices.Delete(e.Pending, i, i+1)
				i--
			}
		}
	}
	return nil
}

// changedError is what ends a copying when the export is delivered anew meanwhile.
type changedError struct{ file string }

// Error names the file.
func (c *changedError) Error() string { return c.file + " was written over while it was read" }

// maxTries is how often an export that is delivered anew while it is read is begun again within a slot.
const maxTries = 3

// again gives up what was copied and has the export looked at again, or left for the next slot.
func (s *step) again(ctx context.Context, changed *changedError) error {
	p := s.book.Plan
	if p.Copy != nil {
		s.giveUp(p.Copy)
		p.Copy = nil
	}
	if p.Tries++; p.Tries >= maxTries {
		s.task.Aside("The export " + p.Left[0] + " is being delivered just now (" + changed.Error() + "): the next run takes it.")
		p.next()
	}
	return s.save(ctx)
}

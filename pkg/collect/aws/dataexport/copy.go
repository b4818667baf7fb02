package dataexport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
)

// copy copies what is left of a delivery's files, as long as there is time, and closes the delivery at the end.
func (s *step) copy(ctx context.Context) error {
	c := s.book.Plan.Copy
	for c.At < len(c.Files) {
		if s.late() {
			return nil // which is seen, and saved, above
		}
		s.task.Stage(fmt.Sprintf("export %s: file %d of %d", c.Export, c.At+1, len(c.Files)))
		var err error
		if c.Files[c.At].Size <= s.part() {
			err = s.small(ctx, c)
		} else {
			err = s.large(ctx, c)
		}
		if err != nil {
			return s.left(ctx, c.From, err)
		}
	}
	return s.deliver(ctx, c)
}

func (s *step) part() int64 {
	if s.collector.Part > 0 {
		return s.collector.Part
	}
	return part
}

// small copies a file at once.
func (s *step) small(ctx context.Context, c *copying) error {
	body, err := s.read(ctx, c, 0, c.Files[c.At].Size)
	if err != nil {
		return err
	}
	if err := s.collector.Files.Put(ctx, s.task.Scope, delivery.Name(c.Delivery, c.At), body); err != nil {
		return err
	}
	c.At++
	return nil
}

// large copies a file part by part. Where what was written of it is gone, it begins anew.
func (s *step) large(ctx context.Context, c *copying) (err error) {
	name, files := delivery.Name(c.Delivery, c.At), s.collector.Files
	if c.Writing == "" {
		if c.Writing, err = files.Begin(ctx, s.task.Scope, name); err != nil {
			return err
		}
		c.Tags = nil
		if err := s.save(ctx); err != nil {
			return err
		}
	}
	f := c.Files[c.At]
	for off := int64(len(c.Tags)) * s.part(); off < f.Size; off += s.part() {
		if s.late() {
			return nil
		}
		body, err := s.read(ctx, c, off, min(s.part(), f.Size-off))
		if err != nil {
			return err
		}
		tag, err := files.Part(ctx, s.task.Scope, name, c.Writing, len(c.Tags)+1, body)
		if err != nil {
			return s.restart(ctx, c, err)
		}
		c.Tags = append(c.Tags, tag)
	}
	if err := files.Finish(ctx, s.task.Scope, name, c.Writing, c.Tags); err != nil {
		return s.restart(ctx, c, err)
	}
	c.At, c.Writing, c.Tags = c.At+1, "", nil
	return s.save(ctx)
}

// restart has a file copied from its beginning whose parts are gone, as they are when it was finished and that was not noted.
func (s *step) restart(ctx context.Context, c *copying, err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	c.Writing, c.Tags = "", nil
	return fault.Wrap(errors.Join(err, s.save(ctx)), fault.Unavailable, "What was copied of a file is gone.")
}

// read reads bytes of the file that is copied, which must be the one that was listed.
func (s *step) read(ctx context.Context, c *copying, off, n int64) ([]byte, error) {
	f := c.Files[c.At]
	client, err := s.client(ctx, c.From)
	if err != nil {
		return nil, err
	}
	if err := s.task.Spend(ctx, collect.Use{Calls: 1}); err != nil {
		return nil, err
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.From.Bucket, Key: &f.Key, IfMatch: &f.ETag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1))}, func(o *s3.Options) {
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired // a range has none
	})
	if status := call.Status(err); status == http.StatusPreconditionFailed || status == http.StatusNotFound {
		return nil, &changedError{f.Key}
	}
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	body := make([]byte, n)
	if _, err := io.ReadFull(out.Body, body); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "A file of an export broke off.")
	}
	return body, nil
}

// deliver closes the delivery, and notes what was taken. Done again it makes no second one.
func (s *step) deliver(ctx context.Context, c *copying) error {
	d := delivery.Deposit{ID: c.Delivery, Source: Source(s.task.Connection.ID, c.Export), Key: string(c.Delivery), Format: c.Format,
		Periods: map[calendar.Month]delivery.Period{}, With: s.task.Guard(),
		AllowShrink: true} // what the manifest names was read whole: fewer lines are fewer
	for _, f := range c.Files {
		d.Files = append(d.Files, delivery.DepositFile{Name: strings.TrimPrefix(f.Key, root(c.From)+"data/"), Size: f.Size})
	}
	for of, t := range c.Periods {
		d.Periods[of] = s.terms(of, t)
	}
	s.task.Stage("export " + c.Export + ": delivering")
	if _, err := s.collector.Deliveries.Deposit(ctx, s.task.Scope, d); err != nil {
		return err
	}
	e := s.book.of(c.Export)
	if e.Periods == nil {
		e.Periods = map[calendar.Month]taken{}
	}
	maps.Copy(e.Periods, c.Periods)
	e.Pending = append(e.Pending, made{c.Delivery, slices.Sorted(maps.Keys(c.Periods))})
	s.task.Count("exportedMonths", int64(len(c.Periods)))
	s.task.Count("exportFiles", int64(len(c.Files)))
	s.book.Plan.Copy, s.book.Plan.Tries = nil, 0
	return s.save(ctx)
}

// terms says what is known of a billing period that was taken: AWS delivers it anew until two weeks after its end.
func (s *step) terms(of calendar.Month, t taken) (p delivery.Period) {
	today, delivered, end := calendar.DayOf(s.collector.Clock()), calendar.DayOf(time.UnixMilli(t.Manifest.Modified).UTC()), (of + 1).First()
	p.Estimated = delivered < end
	p.Final = today > end+14 && today >= delivered+7
	if delivered > end {
		p.Through = end - 1
	}
	return p
}

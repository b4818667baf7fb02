package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
)

// files reads a delivery's files; only nil takes every line.
func (in *intake) files(ctx context.Context, d *record, only map[cost.Holding]bool) error {
	rejected := fault.New(fault.Invalid, "The delivery cannot be read right; problems says where. Nothing of it is stored. Mend the file and deliver it again.")
	for i := range d.Files {
		err := in.file(ctx, d, i, only)
		var bad *focus.Rejection
		if !errors.As(err, &bad) {
			if err != nil {
				return err
			}
			continue
		}
		for _, p := range bad.Problems {
			rejected.At(location(&d.Delivery, i, p), p.Reason, p.Value)
		}
		if bad.More || len(rejected.Details) > maxProblems {
			rejected.At("", "there are more problems", "")
			break
		}
	}
	if len(rejected.Details) > 0 {
		return rejected
	}
	return nil
}

func location(d *Delivery, file int, p focus.Problem) string {
	var parts []string
	if len(d.Files) > 1 {
		parts = append(parts, fmt.Sprintf("files[%d]", file))
	}
	if p.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", p.Line))
	}
	if p.Column != "" {
		parts = append(parts, p.Column)
	}
	return strings.Join(parts, ", ")
}

func (in *intake) open(ctx context.Context, d *record, i int, m *meter) (focus.Reader, *counting, error) {
	f, err := in.service.Files.Open(ctx, in.scope, Name(d.ID, i))
	if fault.Is(err, fault.NotFound) {
		return nil, nil, fault.Wrap(err, fault.Invalid, "A file of delivery %s is not there any more. Deliver it again.", d.ID)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := in.same(d, i, f.Tag()); err != nil {
		f.Close()
		return nil, nil, err
	}
	o := focus.Options{Symbols: in.symbols, MaxProblems: maxProblems}
	file := &counting{File: f, to: &m.bytes}
	var reader focus.Reader
	if d.Format == "parquet" {
		reader, err = focus.NewParquet(file, f.Size(), o)
	} else {
		reader, err = focus.NewCSV(io.NewSectionReader(file, 0, f.Size()), o)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return reader, file, nil
}

// same is nil where a file that was read before is still the one that was read, and keeps the tag of one that was not.
func (in *intake) same(d *record, i int, tag string) error {
	if d.ID == in.delivery.ID && !in.again {
		in.tags = append(in.tags, tag)
		return nil
	}
	if i < len(d.Tags) && d.Tags[i] != tag {
		return fault.New(fault.Invalid, "File %d of delivery %s was replaced after it was read. Deliver it again.", i, d.ID)
	}
	return nil
}

func (in *intake) file(ctx context.Context, d *record, i int, only map[cost.Holding]bool) error {
	progress := &in.meter
	if d.ID != in.delivery.ID {
		progress = &meter{} // read along, and no part of what was delivered
	}
	reader, file, err := in.open(ctx, d, i, progress)
	if err != nil {
		return err
	}
	defer file.Close()
	var line focus.Line
	var last cost.Holding
	var lastID focus.Symbol
	known, taken, epoch := false, false, 0
	n := int64(0) // lines that are not in the progress yet
	defer func() { progress.lines.Add(n) }()
	for ; reader.Next(&line); n++ {
		if n == linesAtOnce {
			progress.lines.Add(n)
			n = 0
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		id := line.Dims[focus.BillingAccountID]
		if !known || id != lastID || line.Billing != last.Period || in.symbols.Epoch() != epoch {
			last = cost.Holding{BillingAccount: in.symbols.Text(focus.BillingAccountID, id), Period: line.Billing}
			lastID, epoch, known = id, in.symbols.Epoch(), true
			taken = only == nil || only[last]
			if taken {
				in.note(d, last)
			}
		}
		if !taken {
			continue
		}
		if err := in.builder.Add(&line); err != nil {
			return fault.Wrap(err, fault.Invalid, "The sums of the delivery are out of range: more than 20 digits before the point.").
				At(location(&d.Delivery, i, focus.Problem{Line: line.Number}), "the sum overflows here", "")
		}
	}
	if err := reader.Err(); err != nil {
		return err
	}
	file.whole()
	return nil
}

// linesAtOnce are counted together.
const linesAtOnce = 4096

// note remembers whose a billing account and period is.
func (in *intake) note(d *record, h cost.Holding) {
	if _, ok := in.origin[h]; ok {
		return
	}
	p := d.Periods[h.Period]
	o := cost.Origin{Delivery: d.ID, Delivered: *d.ClosedAt, Rules: in.now.roster.Rules, Final: d.Final || p.Final, Estimated: p.Estimated, Through: p.Through}
	if own := p.Provided; own != nil {
		o.Provided = cost.Provided{Currency: own.Currency, BilledCost: own.BilledCost.String(), EffectiveCost: own.EffectiveCost.String()}
	}
	if d.ProjectID != "" {
		o.Rules = cost.Aimed
	}
	in.origin[h] = o
}

// counting counts what is read of a file, at most its size: Parquet has bytes that are read twice, and columns that nobody reads.
type counting struct {
	File
	to   *atomic.Int64
	read atomic.Int64
}

// ReadAt reads and counts.
func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(b, at)
	c.count(int64(n))
	return n, err
}

func (c *counting) count(n int64) {
	before := c.read.Add(n) - n
	c.to.Add(max(0, min(n, c.Size()-before)))
}

// whole counts the rest of a file that was read to its end.
func (c *counting) whole() { c.count(max(0, c.Size()-c.read.Load())) }

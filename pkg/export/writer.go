package export

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// place is what is written next.
type place struct {
	Begun   bool             `json:"begun,omitempty"` // the README is written
	Section int              `json:"section"`
	After   string           `json:"after,omitempty"` // in the section
	Grain   int              `json:"grain"`
	Period  calendar.Month   `json:"period,omitempty"`  // the last one begun; 0 before the first
	Project tenant.ProjectID `json:"project,omitempty"` // the last one of the period that is written
}

// rest is what was written behind the last part, and where it is kept.
type rest struct {
	Place int    `json:"place"`
	Sum   string `json:"sum,omitempty"` // SHA-256, hexadecimal; "" where nothing is kept
}

// writer writes an archive on.
type writer struct {
	service  *Service
	run      *job.Run
	export   *record
	notes    *notes
	name     string
	pending  []byte // what is in no part yet
	zip      *zipper
	reading  *reading
	extract  *cost.Extract
	projects []project.Project
	sha256   string // of the whole, once it is written
}

func exportOf(r *job.Run) tenant.ExportID { return tenant.ExportID(r.ID) }

// open goes on where the notes end. errAnew where what they tell of is not there, or no longer right.
func (s *Service) open(ctx context.Context, r *job.Run, e *record, n *notes) (*writer, error) {
	w := &writer{service: s, run: r, export: e, notes: n, name: archiveName(e.ID, n.Attempt),
		reading: &reading{s.Store, r.Scope, r.Tenant, e.CreatedAt}}
	if n.Totals == nil {
		n.Totals = totals{}
	}
	var err error
	if w.extract, err = cost.NewExtract(ctx, r.Tenant); err != nil {
		return nil, err
	}
	if n.Digest != "" && w.digest() != n.Digest {
		return nil, errAnew
	}
	if w.projects, err = projects(ctx, r); err != nil {
		return nil, err
	}
	if w.pending, err = w.kept(ctx); err != nil {
		return nil, err
	}
	w.zip, err = newZipper(n.Zip, e.CreatedAt, w.add)
	return w, err
}

// kept reads the rest that the notes tell of.
func (w *writer) kept(ctx context.Context) ([]byte, error) {
	n := w.notes
	if n.Rest.Sum == "" {
		return nil, nil
	}
	body, err := w.service.Files.Get(ctx, w.run.Scope, restName(w.export.ID, n.Attempt, n.Rest.Place))
	if fault.Is(err, fault.NotFound) {
		return nil, errAnew
	}
	if err != nil {
		return nil, err
	}
	if sumOf(body) != n.Rest.Sum {
		return nil, errAnew // another worker, who was thought dead, has written there
	}
	return body, nil
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// last is after all billing periods.
var last = calendar.Date(calendar.MaxYear, 12, 1).Month()

// digest is of what counts of the costs that are written or being written.
func (w *writer) digest() string {
	switch at := &w.notes.At; {
	case at.Grain > 0:
		return w.extract.Digest(last)
	case at.Period > 0:
		return w.extract.Digest(at.Period)
	}
	return ""
}

// add takes bytes of the archive.
func (w *writer) add(b []byte) error {
	w.pending = append(w.pending, b...)
	return nil
}

// parts keeps what is pending in parts, but for what is too little for one.
func (w *writer) parts(ctx context.Context, last bool) error {
	part := cmp.Or(w.service.Part, PartBytes)
	for len(w.pending) >= part || last && len(w.pending) > 0 {
		size := min(len(w.pending), part)
		n := len(w.notes.Tags) + 1
		if n > maxParts {
			return fault.New(fault.Conflict, "The export is over 40 GB, which is more than one archive holds. Ask the operator for the costs of fewer years.")
		}
		tag, err := w.service.Files.Part(ctx, w.run.Scope, w.name, w.notes.Writing, n, w.pending[:size])
		if fault.Is(err, fault.NotFound) {
			return errAnew
		}
		if err != nil {
			return err
		}
		w.notes.Tags = append(w.notes.Tags[:n-1:n-1], tag)
		w.pending = append(w.pending[:0], w.pending[size:]...)
	}
	return nil
}

// write writes units until the time is over, and tells whether there are more; where there are none the archive is whole.
func (w *writer) write(ctx context.Context) (more bool, err error) {
	for rests := 0; ; {
		rested, more, err := w.unit(ctx)
		if err != nil {
			return false, err
		}
		if err := w.parts(ctx, !more); err != nil || !more {
			return false, err
		}
		if !rested {
			continue
		}
		rests++
		if most := w.service.Rests; most > 0 && rests >= most || !w.service.Clock().Before(w.run.Until) || ctx.Err() != nil {
			return true, w.keep(ctx)
		}
	}
}

// keep puts the notes into a form that the next step goes on from.
func (w *writer) keep(ctx context.Context) (err error) {
	n := w.notes
	if n.Zip, err = w.zip.state(); err != nil {
		return err
	}
	n.Digest = w.digest()
	n.Rest = rest{1 - n.Rest.Place, sumOf(w.pending)}
	return w.service.Files.Put(ctx, w.run.Scope, restName(w.export.ID, n.Attempt, n.Rest.Place), w.pending)
}

// progress is how far the archive is.
func (w *writer) progress() *Progress {
	at := &w.notes.At
	p := &Progress{Stage: "entities", Files: len(w.zip.Entries), Bytes: w.zip.Bytes, Restarts: w.notes.Restarts}
	if at.Section == len(sections) {
		p.Stage = string(cost.Grains[min(at.Grain, len(cost.Grains)-1)])
		if at.Period > 0 {
			p.Period = &at.Period
		}
	}
	return p
}

// archive is what was written.
func (w *writer) archive() *Archive {
	a := &Archive{Name: fmt.Sprintf("tenantry-%s.zip", w.export.ID), SizeBytes: w.zip.Bytes, SHA256: w.sha256, Costs: w.notes.Totals.of(cost.ByDay)}
	for _, e := range w.zip.Entries {
		a.Files = append(a.Files, e.file())
	}
	return a
}

func (e *entry) file() File { return File{e.Name, e.Bytes, e.Lines, e.SHA256} }

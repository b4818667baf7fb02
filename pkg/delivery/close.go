package delivery

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// close closes a delivery of many files: every one must be there.
func (s *Service) close(ctx context.Context, scope *tenant.Scope, in *GetImport) (*Got, error) {
	for range maxTries {
		r, version, err := s.find(ctx, scope, in.ImportID, "")
		if err != nil {
			return nil, err
		}
		if r.Status != Awaiting && r.Status != Queued {
			return &Got{r.shown(scope)}, nil
		}
		if r.Status == Awaiting {
			before, there := tell(&r.Delivery), r.arrived()
			if err := s.look(ctx, scope, &r.Delivery); err != nil {
				return nil, err
			}
			s.queue(r)
			if err = s.write(ctx, scope, r, version, audit.Event{Before: before}); err == nil {
				s.imported(scope, r.arrived()-there, 0)
			}
		}
		if store.Conflicted(err) != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Got{r.shown(scope)}, s.Queue.Send(ctx, Message{Kind: Closed, Tenant: scope.Tenant(), Delivery: r.ID})
	}
	return nil, fault.New(fault.Unavailable, "Too many changes at once. Try again.")
}

// look finds out whether the files are there, since the news of an upload may be slower than the caller.
func (s *Service) look(ctx context.Context, scope *tenant.Scope, d *Delivery) error {
	missing := fault.New(fault.Conflict, "Files are missing. PUT each to its uploadUrl, then close the delivery again.")
	for i := range d.Files {
		if d.Files[i].Received {
			continue
		}
		f, err := s.Files.Open(ctx, scope, Name(d.ID, i))
		if fault.Is(err, fault.NotFound) {
			missing.At(fmt.Sprintf("files[%d]", i), "has not been uploaded", d.Files[i].Name)
			continue
		}
		if err != nil {
			return err
		}
		size := f.Size()
		f.Close()
		if size != d.Files[i].SizeBytes {
			missing.At(fmt.Sprintf("files[%d]", i), fmt.Sprintf("has %d bytes, %d were declared", size, d.Files[i].SizeBytes), d.Files[i].Name)
			continue
		}
		d.Files[i].Received = true
	}
	if len(missing.Details) > 0 {
		return missing
	}
	return nil
}

// queue closes the delivery.
func (s *Service) queue(r *record) {
	now := s.Clock().UTC()
	r.Status, r.ClosedAt = Queued, &now
}

// write writes the delivery over its version, and the row that tells of it.
func (s *Service) write(ctx context.Context, scope *tenant.Scope, r *record, version int64, e audit.Event) error {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return err
	}
	e.Target, e.After = target(r.ID), tell(&r.Delivery)
	row, err := s.row(ctx, scope, e)
	if err != nil {
		return err
	}
	return t.Write(ctx, store.Change{Key: store.Delivery(r.ID), Value: *r, Condition: store.VersionIs(version)}, row)
}

// TakesFile refuses a file that no delivery awaits, by the file's object key: an upload address lasts longer than what it is for.
func TakesFile(ctx context.Context, st *store.Store, key string) error {
	if err := organization.TakesFiles(ctx, st, key); err != nil {
		return err
	}
	used := fault.New(fault.Forbidden, "This upload address is worth nothing any more: the import has its files, or is not there. Begin a new import.")
	m, ok := parseKey(key)
	if !ok {
		return used
	}
	scope, err := organization.Work(ctx, st, m.Tenant, "upload")
	if err != nil {
		return err
	}
	t, err := st.Tenant(scope)
	if err != nil {
		return err
	}
	var d Delivery
	version, err := t.Read(ctx, store.Delivery(m.Delivery), &d)
	if err != nil {
		return err
	}
	if version == 0 || d.Status != Awaiting || m.File >= len(d.Files) {
		return used
	}
	return nil
}

const maxTries = 10

// uploaded notes that a file has arrived. A delivery of one file aimed at a project is closed by it.
func (s *Service) uploaded(ctx context.Context, scope *tenant.Scope, m Message) (closed bool, err error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return false, err
	}
	for range maxTries {
		var r record
		version, err := t.Read(ctx, store.Delivery(m.Delivery), &r)
		if err != nil {
			return false, err
		}
		alone := r.ProjectID != "" && len(r.Files) == 1
		if version == 0 || m.File >= len(r.Files) {
			return false, nil
		}
		if r.Status != Awaiting {
			return alone && (!r.done() || r.Work.Gen != ""), nil // what a kill left is to be settled
		}
		if m.Size != r.Files[m.File].SizeBytes {
			return false, nil // the delivery waits for the file as it was declared
		}
		if r.Files[m.File].Received {
			return false, nil
		}
		before := tell(&r.Delivery)
		r.Files[m.File].Received = true
		if alone {
			s.queue(&r)
		}
		err = s.write(ctx, scope, &r, version, audit.Event{Operation: received, Before: before})
		if err == nil {
			s.imported(scope, m.Size, 0)
		}
		if store.Conflicted(err) == nil {
			return alone, err
		}
	}
	return false, fault.New(fault.Unavailable, "Too many changes at once. Try again.")
}

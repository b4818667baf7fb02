package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// uploadTime is how long upload addresses are good for: what signs them on AWS lasts an hour at most.
const uploadTime = 45 * time.Minute

// Terms are what both ways of creating a delivery say.
type Terms struct {
	Format      string `json:"format" enum:"csv,parquet" doc:"csv may be gzip-compressed; that is recognised."`
	Source      string `json:"source,omitempty" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" patternDescription:"1 to 63 letters, digits, dots, dashes and underscores" doc:"Names the stream. A delivery replaces what earlier ones of its source brought of the same billing accounts and billing periods, in whatever project they were: give each project's own files a source of their own. What a member who is limited to projects delivers takes the place of nothing in others. Left out, it is the project's ID, or default for a delivery that rules split."`
	AllowShrink bool   `json:"allowShrink,omitempty" doc:"Accept that a billing account and period loses more than half of its lines."`
	Final       bool   `json:"final,omitempty" doc:"Say that nothing more will come for the billing periods delivered."`
}

// CreateOne is the request for a delivery of one file that one project gets whole.
type CreateOne struct {
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
	route.IdempotencyKey
	Body struct {
		Terms
		Name      string `json:"name,omitempty" maxLength:"200"`
		SizeBytes int64  `json:"sizeBytes" minimum:"1" maximum:"5000000000" doc:"The file's exact size."`
	}
}

// CreateMany is the request for a delivery that is split into projects by their rules.
type CreateMany struct {
	route.IdempotencyKey
	Body struct {
		Terms
		Files []NewFile `json:"files" minItems:"1" maxItems:"100"`
	}
}

// NewFile is a file that will be uploaded.
type NewFile struct {
	Name      string `json:"name,omitempty" maxLength:"200"`
	SizeBytes int64  `json:"sizeBytes" minimum:"1" maximum:"5000000000" doc:"The file's exact size."`
}

// Created answers both: the delivery and where its files go.
type Created struct {
	Location string `header:"Location"`
	Body     struct {
		Delivery
		UploadURL string `json:"uploadUrl,omitempty" doc:"Of the only file, as in files."`
	}
}

func (s *Service) createOne(ctx context.Context, scope *tenant.Scope, in *CreateOne) (*Created, error) {
	p, err := s.aim(ctx, scope, in.ProjectID)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), "createProjectImport", in.ProjectID, in.Body)
	if err != nil {
		return nil, err
	}
	if in.Body.Source == "" {
		in.Body.Source = string(p) // two projects must not take each other's costs by default
	}
	return s.create(ctx, scope, once, p, in.Body.Terms, []NewFile{{in.Body.Name, in.Body.SizeBytes}})
}

func (s *Service) createMany(ctx context.Context, scope *tenant.Scope, in *CreateMany) (*Created, error) {
	if in.Body.Source == "" {
		in.Body.Source = "default"
	}
	once, err := in.Once(scope.Principal(), "createImport", in.Body)
	if err != nil {
		return nil, err
	}
	return s.create(ctx, scope, once, "", in.Body.Terms, in.Body.Files)
}

// aim finds the project of a path: one that is there, that the caller sees, and that is not archived.
func (s *Service) aim(ctx context.Context, scope *tenant.Scope, id string) (tenant.ProjectID, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return "", err
	}
	p, err := project.Find(ctx, scope, t, id)
	if err == nil && p.Archived {
		err = fault.New(fault.Conflict, "The project is archived. PATCH it with `archived: false` to deliver to it.").Coded(fault.Archived)
	}
	return p.ID, err
}

func (s *Service) create(ctx context.Context, scope *tenant.Scope, once route.Once, p tenant.ProjectID, terms Terms, files []NewFile) (*Created, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	before, err := once.Done(ctx, t)
	if err != nil {
		return nil, err
	}
	if before == "" {
		before, err = s.begin(ctx, scope, t, once, p, terms, files)
		if err != nil {
			return nil, err
		}
	}
	var r record
	if _, err := t.Read(ctx, store.Delivery(tenant.DeliveryID(before)), &r); err != nil {
		return nil, err
	}
	return s.created(ctx, scope, &r)
}

// begin writes a new delivery and gives its ID, or that of the request which was quicker under the same key.
func (s *Service) begin(ctx context.Context, scope *tenant.Scope, t *store.Tenant, once route.Once, p tenant.ProjectID, terms Terms, files []NewFile) (string, error) {
	now := s.Clock().UTC()
	id, err := tenant.NewDeliveryID(now, s.Random)
	if err != nil {
		return "", err
	}
	r := record{Delivery: Delivery{ID: id, ProjectID: p, Source: "upload:" + terms.Source, Format: terms.Format,
		AllowShrink: terms.AllowShrink, Final: terms.Final, Status: Awaiting, CreatedAt: now}, Maker: scope.Limit()}
	for _, f := range files {
		r.Files = append(r.Files, Upload{Name: f.Name, SizeBytes: f.SizeBytes})
	}
	row, err := s.row(ctx, scope, audit.Event{Target: target(id), After: tell(&r.Delivery)})
	if err != nil {
		return "", err
	}
	return s.admit(ctx, scope, t, once, &r, append(once.Changes(string(id), now), store.Change{Key: store.Delivery(id), Value: r, Condition: store.Absent}, row))
}

// admit writes a new delivery with what it takes of the plan's day, or gives the ID of the one that the same request made
// before. Of those who write at the same time one gets through and the others count anew.
func (s *Service) admit(ctx context.Context, scope *tenant.Scope, t *store.Tenant, once route.Once, r *record, changes []store.Change) (string, error) {
	for attempt := range maxTries {
		if err := breathe(ctx, attempt); err != nil {
			return "", err
		}
		counted, err := announce(ctx, scope, t, r.CreatedAt, r.bytes())
		if err != nil {
			return "", err
		}
		err = t.Write(ctx, append(slices.Clone(changes), counted)...)
		if store.Conflicted(err) == nil {
			return string(r.ID), err
		}
		if before, err := once.Done(ctx, t); before != "" || err != nil {
			return before, err
		}
	}
	return "", fault.New(fault.Unavailable, "Too many deliveries are made at once. Try again.")
}

func (s *Service) created(ctx context.Context, scope *tenant.Scope, r *record) (*Created, error) {
	out := &Created{Location: path(scope, &r.Delivery)}
	out.Body.Delivery = r.shown(scope)
	if r.Status != Awaiting {
		return out, nil
	}
	for i, f := range r.Files {
		url, err := s.Files.UploadURL(ctx, scope, Name(r.ID, i), f.SizeBytes, uploadTime)
		if err != nil {
			return nil, err
		}
		out.Body.Files[i].UploadURL = url
	}
	if len(r.Files) == 1 {
		out.Body.UploadURL = out.Body.Files[0].UploadURL
	}
	return out, nil
}

// path is where a delivery is found: under the path it was made at.
func path(scope *tenant.Scope, d *Delivery) string {
	base := "/v1/tenants/" + string(scope.Tenant())
	if d.ProjectID != "" {
		base += "/projects/" + string(d.ProjectID)
	}
	return base + "/imports/" + string(d.ID)
}

func exampleOne() *CreateOne {
	in := &CreateOne{}
	in.Body.Terms = Terms{Format: "csv", Source: "billing"}
	in.Body.SizeBytes = 755423
	return in
}

func exampleMany() *CreateMany {
	in := &CreateMany{}
	in.Body.Terms = Terms{Format: "parquet", Source: "focus-export"}
	in.Body.Files = []NewFile{{"part-0.parquet", 1048576}, {"part-1.parquet", 524288}}
	return in
}

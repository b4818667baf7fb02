package cost

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// subject is a project that a question is about.
type subject struct {
	id    tenant.ProjectID
	of    project.Project // zero for the project unassigned
	index Index
}

// sight is what is read before a question can be planned: the projects the scope sees, and what counts.
type sight struct {
	tenant   *store.Tenant
	head     Head
	subjects []subject
	roster   []project.Project
	part     bool // whether there are projects of the tenant that are no subjects
	limited  bool // and the caller does not see them
}

// look reads Roster and Head, strongly consistent.
func (s *Service) look(ctx context.Context, scope *tenant.Scope) (*sight, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	records, err := t.Get(ctx, store.Strongly, store.Roster(), store.Head())
	if err != nil {
		return nil, err
	}
	var roster project.Roster
	if records[0] != nil {
		if err := records[0].Value.Decode(&roster); err != nil {
			return nil, fmt.Errorf("read the roster: %w", err)
		}
	}
	seen := sight{tenant: t}
	if err := unpackRecord(records[1], &seen.head); err != nil {
		return nil, err
	}
	seen.roster = roster.Projects
	for _, p := range roster.Projects {
		if scope.Sees(p.ID) {
			seen.subjects = append(seen.subjects, subject{id: p.ID, of: p})
		} else {
			seen.part, seen.limited = true, true
		}
	}
	if scope.Sees(tenant.Unassigned) {
		seen.subjects = append(seen.subjects, subject{id: tenant.Unassigned})
	} else {
		seen.part, seen.limited = true, true
	}
	return &seen, nil
}

// readIndexes reads the subjects' indexes of a view, strongly consistent.
func (s *sight) readIndexes(ctx context.Context, v document.View) error {
	keys := make([]store.Key, len(s.subjects))
	for i := range s.subjects {
		keys[i] = store.Index(s.subjects[i].id, string(v))
	}
	if len(keys) == 0 {
		return nil
	}
	records, err := s.tenant.Get(ctx, store.Strongly, keys...)
	if err != nil {
		return err
	}
	for i, r := range records {
		if err := unpackRecord(r, &s.subjects[i].index); err != nil {
			return err
		}
	}
	return nil
}

// unpackRecord fills into from a packed item; one that is not there changes nothing.
func unpackRecord(r *store.Record, into any) error {
	if r == nil {
		return nil
	}
	var packed blob
	if err := r.Value.Decode(&packed); err != nil {
		return fmt.Errorf("read a ledger item: %w", err)
	}
	return packed.Into(into)
}

// keep leaves the subjects that the filters on projects keep.
func (s *sight) keep(filters []Filter) {
	all := len(s.subjects)
	s.subjects = slices.DeleteFunc(s.subjects, func(sub subject) bool {
		return slices.ContainsFunc(filters, func(f Filter) bool { return f.Dimension.OfProject() && !sub.passes(f) })
	})
	s.part = s.part || len(s.subjects) < all
}

// passes tells whether the filter keeps the project; one on projects takes IDs and names.
func (s *subject) passes(f Filter) bool {
	if f.Dimension == ByProject {
		return (slices.Contains(f.Values, string(s.id)) || s.of.Name != "" && slices.Contains(f.Values, s.of.Name)) != f.Not
	}
	return f.Keeps(s.value(f.Dimension))
}

// value is what a dimension of the project is; "" is null.
func (s *subject) value(d Dimension) string {
	switch d {
	case ByProject:
		return string(s.id)
	case ByEnvironment:
		return s.of.Environment
	}
	return s.of.Labels[strings.TrimPrefix(string(d), LabelPrefix)]
}

// String names the project for people.
func (s *subject) String() string {
	if s.of.Name == "" {
		return "project " + string(s.id)
	}
	return fmt.Sprintf("project %q (%s)", s.of.Name, s.id)
}

package export

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/project"
)

// unit writes what comes next: a page of a section, or a project's charges of a billing period. It tells whether what is
// written can be gone on from after it, and whether more is to come.
func (w *writer) unit(ctx context.Context) (rested, more bool, err error) {
	switch at := &w.notes.At; {
	case !at.Begun:
		at.Begun = true
		return true, true, w.file("README.md", 0, []byte(readme))
	case at.Section < len(sections):
		rested, err = w.page(ctx, &sections[at.Section])
		return rested, true, err
	case at.Grain < len(cost.Grains):
		rested, err = w.charges(ctx, cost.Grains[at.Grain])
		return rested, true, err
	}
	return false, false, w.close()
}

// file writes a small file whole.
func (w *writer) file(name string, lines int64, body []byte) error {
	if err := w.zip.begin(name); err != nil {
		return err
	}
	if _, err := w.zip.Write(body); err != nil {
		return err
	}
	if _, err := w.zip.unit(lines); err != nil {
		return err
	}
	return w.zip.end()
}

// page writes a page of a section.
func (w *writer) page(ctx context.Context, s *section) (rested bool, err error) {
	at := &w.notes.At
	items, next, err := s.page(ctx, w.reading, at.After)
	if err != nil {
		return false, err
	}
	if !w.zip.Open {
		if err := w.zip.begin(s.file()); err != nil {
			return false, err
		}
	}
	if err := w.lines(items); err != nil {
		return false, err
	}
	if rested, err = w.zip.unit(int64(len(items))); err != nil {
		return false, err
	}
	if at.After = next; next != "" {
		return rested, nil
	}
	at.Section++
	return true, w.zip.end()
}

func (s *section) file() string { return "entities/" + s.name + ".jsonl" }

// lines writes things as JSON, each on a line of its own.
func (w *writer) lines(items []any) error {
	for _, item := range items {
		b, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("write what is exported: %w", err)
		}
		if _, err := w.zip.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// focusVersion is the last that has ProviderName.
const focusVersion = "1.2"

// custom are the columns after those of FOCUS.
var custom = []string{"x_ProjectId", "x_ProjectName", "x_SourceName"}

// charges begins the file of the next billing period, or writes the next project's charges of one, or ends it.
func (w *writer) charges(ctx context.Context, g cost.Grain) (rested bool, err error) {
	at := &w.notes.At
	if !w.zip.Open {
		return true, w.period(g)
	}
	i, found := slices.BinarySearchFunc(w.projects, project.Project{ID: at.Project}, byID)
	if found {
		i++
	}
	if i == len(w.projects) {
		return true, w.zip.end()
	}
	p := &w.projects[i]
	csv := focus.ContinueCSV(w.zip, focusVersion, len(custom))
	lines := int64(0)
	for c, err := range w.extract.Charges(ctx, g, p.ID, at.Period) {
		if err != nil {
			return false, err
		}
		lines++
		if err := w.notes.Totals.add(g, &c.Record); err != nil {
			return false, err
		}
		if err := csv.WriteWith(c.Record, string(p.ID), p.Name, c.Source); err != nil {
			return false, err
		}
		if err := w.parts(ctx, false); err != nil {
			return false, err
		}
	}
	if err := csv.Close(); err != nil {
		return false, err
	}
	at.Project = p.ID
	return w.zip.unit(lines)
}

// period begins the file of the billing period after the last one, or goes on to the next grain.
func (w *writer) period(g cost.Grain) error {
	at := &w.notes.At
	all := w.extract.Periods()
	i, found := slices.BinarySearch(all, at.Period)
	if found {
		i++
	}
	at.Project = ""
	if i == len(all) {
		at.Grain, at.Period = at.Grain+1, 0
		return nil
	}
	at.Period = all[i]
	if err := w.zip.begin(fileOf(g, at.Period)); err != nil {
		return err
	}
	return focus.NewCSVWriter(w.zip, focusVersion, custom...).Close()
}

func fileOf(g cost.Grain, m calendar.Month) string { return string(g) + "/" + m.String() + ".csv" }

func byID(a, b project.Project) int { return cmp.Compare(a.ID, b.ID) }

// projects are all that costs can be of, by ID.
func projects(ctx context.Context, r *job.Run) ([]project.Project, error) {
	roster, _, err := project.Read(ctx, r.Tenant)
	if err != nil {
		return nil, err
	}
	all := append(slices.Clone(roster.Projects), project.Unassigned())
	slices.SortFunc(all, byID)
	return all, nil
}

// close writes what counted and the manifest, and ends the archive.
func (w *writer) close() error {
	generations := w.extract.Generations()
	if err := w.notes.Totals.agree(); err != nil {
		return err
	}
	if err := w.zip.begin("sources.jsonl"); err != nil {
		return err
	}
	if err := w.lines(anyOf(generations)); err != nil {
		return err
	}
	if _, err := w.zip.unit(int64(len(generations))); err != nil {
		return err
	}
	if err := w.zip.end(); err != nil {
		return err
	}
	m, err := json.MarshalIndent(w.manifest(), "", "  ")
	if err != nil {
		return fmt.Errorf("write the manifest of an export: %w", err)
	}
	if err := w.file("manifest.json", 0, append(m, '\n')); err != nil {
		return err
	}
	w.sha256, err = w.zip.close()
	return err
}

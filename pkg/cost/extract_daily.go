package cost

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// daily gives the service view with the tags of the tags view. No view keeps providers and tags together, but what else a
// key has nearly always tells the provider. Where it does not (one service of one account and region, sold by several), the
// day's tagged charges are the first provider's, and beside one of them are pairs of charges that sum to zero and make each
// provider's total what it is: all that can be asked of either view stays exact.
func (s *pouring) daily(ctx context.Context, service *Version) error {
	index, err := s.extract.indexes.of(ctx, s.project, document.Tags)
	if err != nil {
		return err
	}
	tags := index.entry(s.entry.Source, s.entry.Period, 0)
	if tags == nil {
		return s.plain(ctx, document.Service, service)
	}
	v, torn := tags.At(&s.extract.head)
	if torn {
		return ErrMoved
	}
	if v == nil || len(v.Docs) == 0 || len(v.TagKeys) == 0 {
		return s.plain(ctx, document.Service, service)
	}
	sellers, err := s.sellers(ctx, service)
	if err != nil {
		return err
	}
	return s.tagged(ctx, v, sellers)
}

// providerPlace is where keys of the service view have what those of the tags view lack.
var providerPlace = slices.Index(document.Service.Dims(), focus.ProviderName)

// seller is who sells what a key of the tags view, without its tags, stands for.
type seller struct {
	providers []string
	days      map[document.Col]*sales // where there are several
}

// sales is what each of several providers has on a day.
type sales struct {
	by    []sale
	moved [focus.NumMetrics]bool // what is theirs to all but the first that has an amount
}

type sale struct {
	provider string
	cells    []document.Cell // by metric
}

// sellers reads the providers of all keys, and what each has where they are several.
func (s *pouring) sellers(ctx context.Context, v *Version) (map[string]*seller, error) {
	all, several := map[string]*seller{}, false
	for l, err := range s.lines(ctx, document.Service, v, []focus.Metric{focus.BilledCost}, s.learn) {
		if err != nil {
			return nil, err
		}
		texts := split(l.key)
		key := without(texts)
		if all[key] == nil {
			all[key] = &seller{}
		}
		all[key].providers = append(all[key].providers, texts[providerPlace])
		several = several || len(all[key].providers) > 1
	}
	if !several {
		return all, nil
	}
	for l, err := range s.lines(ctx, document.Service, v, document.Service.Metrics(), nil) {
		if err != nil {
			return nil, err
		}
		texts := split(l.key)
		if of := all[without(texts)]; len(of.providers) > 1 {
			of.add(texts[providerPlace], l.cells)
		}
	}
	return all, nil
}

// without is a key of the service view without the provider, as keys of the tags view begin.
func without(texts []string) string {
	return strings.Join(slices.Concat(texts[:providerPlace], texts[providerPlace+1:]), "\x00")
}

func (of *seller) add(provider string, cells [][]document.Cell) {
	if of.days == nil {
		of.days = map[document.Col]*sales{}
	}
	for at, c := range byColumn(cells) {
		if of.days[at] == nil {
			of.days[at] = &sales{}
		}
		of.days[at].by = append(of.days[at].by, sale{provider, slices.Clone(c)})
	}
}

// tagged gives the tags view, each charge with its provider.
func (s *pouring) tagged(ctx context.Context, v *Version, sellers map[string]*seller) error {
	dims := document.Tags.Dims()
	for l, err := range s.lines(ctx, document.Tags, v, document.Tags.Metrics(), nil) {
		if err != nil {
			return err
		}
		texts := split(l.key)
		if !s.counts(texts) {
			continue
		}
		of := sellers[strings.Join(texts[:len(dims)], "\x00")]
		if of == nil {
			return fmt.Errorf("the tags view of %s %s has a key that the service view has not", s.entry.Source, s.entry.Period)
		}
		s.begin(dims, texts)
		s.charge.Record.Tags = tagsOf(v.TagKeys, texts[len(dims):])
		for at, cells := range byColumn(l.cells) {
			if err := s.sold(of, at, cells); err != nil {
				return err
			}
		}
	}
	return nil
}

// sold gives a tagged charge as its provider's, and the first of a day with the pairs that move to the others what is theirs.
// Each metric has a provider of its own, the first that has an amount of it: what is null stays null.
func (s *pouring) sold(of *seller, at document.Col, cells []document.Cell) error {
	day := of.days[at]
	if day == nil {
		return s.sell(of.providers[0], at, cells)
	}
	first, given := day.first(), false
	for n := range day.by {
		own := mask(cells, func(m int) bool { return first[m] == n })
		if !some(own) {
			continue
		}
		given = true
		if err := s.sell(day.by[n].provider, at, own); err != nil {
			return err
		}
		moving := func(m int) bool { return first[m] == n && own[m].Valid && !day.moved[m] }
		for other := range day.by {
			if err := s.move(day.by[n].provider, day.by[other], at, func(m int) bool { return other != n && moving(m) }); err != nil {
				return err
			}
		}
		for m := range own {
			day.moved[m] = day.moved[m] || moving(m)
		}
	}
	if given {
		return nil
	}
	return s.sell(day.by[0].provider, at, cells)
}

// move gives the pair of charges that makes what a provider has its own, and not the first's.
func (s *pouring) move(first string, to sale, at document.Col, metric func(m int) bool) error {
	there := mask(to.cells, metric)
	if !some(there) {
		return nil
	}
	if err := s.sell(to.provider, at, there); err != nil {
		return err
	}
	for m := range there {
		there[m].Amount = there[m].Amount.Neg()
	}
	return s.sell(first, at, there)
}

func (s *pouring) sell(provider string, at document.Col, cells []document.Cell) error {
	s.charge.Record.ProviderName = provider
	return s.pour(document.Tags, at, cells)
}

// first gives for each metric the first provider that has an amount of it, -1 where none has.
func (d *sales) first() (all [focus.NumMetrics]int) {
	for m := range all {
		all[m] = slices.IndexFunc(d.by, func(s sale) bool { return m < len(s.cells) && s.cells[m].Valid })
	}
	return all
}

// mask leaves the cells of some metrics.
func mask(cells []document.Cell, keep func(m int) bool) []document.Cell {
	all := slices.Clone(cells)
	for m := range all {
		if !keep(m) {
			all[m] = document.Cell{Col: all[m].Col}
		}
	}
	return all
}

func some(cells []document.Cell) bool {
	return slices.ContainsFunc(cells, func(c document.Cell) bool { return c.Valid })
}

// tagsOf pairs keys with the values that are not null.
func tagsOf(keys, values []string) map[string]string {
	all := map[string]string{}
	for i, k := range keys {
		if i < len(values) && values[i] != "" {
			all[k] = values[i]
		}
	}
	return all
}

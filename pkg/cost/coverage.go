package cost

import (
	"cmp"
	"slices"
	"strings"
)

// kinds ranks sources: of those that hold a unit in a billing period, the first kind counts.
var kinds = []string{"export:", "upload:", "ce:"}

func kindRank(source string) int {
	return slices.IndexFunc(kinds, func(k string) bool { return strings.HasPrefix(source, k) })
}

type claim struct {
	source    string
	delivered int64
}

// better tells whether a counts before b: the better kind, then the newer delivery, then the greater name.
func (a claim) better(b claim) bool {
	return cmp.Or(cmp.Compare(kindRank(a.source), kindRank(b.source)), cmp.Compare(b.delivered, a.delivered),
		cmp.Compare(b.source, a.source)) < 0
}

// Shadowed gives, for each source, the units it holds that another source counts, sorted. Sources without any are left
// out.
func (c *Cover) Shadowed() map[string][]string {
	claims := map[string][]claim{} // by unit, one for each source
	for _, s := range c.Sources {
		if _, _, _, detail := DetailOf(s.Name); detail {
			continue
		}
		own := map[string]int64{}
		for _, a := range s.Accounts {
			for _, u := range a.Units {
				own[u] = max(own[u], a.Delivered)
			}
		}
		for u, delivered := range own {
			claims[u] = append(claims[u], claim{s.Name, delivered})
		}
	}
	shadowed := map[string][]string{}
	for unit, all := range claims {
		best := all[0]
		for _, c := range all[1:] {
			if c.better(best) {
				best = c
			}
		}
		for _, c := range all {
			if c != best {
				shadowed[c.source] = append(shadowed[c.source], unit)
			}
		}
	}
	for _, units := range shadowed {
		slices.Sort(units)
	}
	c.shadeDetails(shadowed)
	return shadowed
}

// source gives the period's holding of one source, nil where it has none.
func (c *Cover) source(name string) *CoverSource {
	for i := range c.Sources {
		if c.Sources[i].Name == name {
			return &c.Sources[i]
		}
	}
	return nil
}

// set puts s in the place of what its source held.
func (c *Cover) set(s CoverSource) {
	i, found := slices.BinarySearchFunc(c.Sources, s, func(a, b CoverSource) int { return cmp.Compare(a.Name, b.Name) })
	if found {
		c.Sources[i] = s
	} else {
		c.Sources = slices.Insert(c.Sources, i, s)
	}
}

// account gives what the source holds of a billing account, nil where nothing.
func (s *CoverSource) account(id string) *CoverAccount {
	if s == nil {
		return nil
	}
	for i := range s.Accounts {
		if s.Accounts[i].BillingAccount == id {
			return &s.Accounts[i]
		}
	}
	return nil
}

// shadows gives the other sources that will no longer count some of the units that a source's account has.
func (h *holding) shadows(source string, a *CoverAccount) (all []string) {
	next := Cover{Sources: slices.Clone(h.cover.Sources)}
	next.set(h.next)
	before := h.cover.Shadowed()
	for other, units := range next.Shadowed() {
		if other != source && slices.ContainsFunc(units, func(u string) bool {
			return slices.Contains(a.Units, u) && !slices.Contains(before[other], u)
		}) {
			all = append(all, other)
		}
	}
	slices.Sort(all)
	return all
}

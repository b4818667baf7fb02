package cost

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// kinds ranks sources: of those that hold a unit in a billing period, the first kind counts.
var kinds = []string{"export:", "upload:", "ce:"}

func kindRank(source string) int {
	return slices.IndexFunc(kinds, func(k string) bool { return strings.HasPrefix(source, k) })
}

// lag is how many days an export may end before what Cost Explorer has of the same costs: AWS writes exports daily. One that was stopped
// within a month does not hide what came after it.
const lag = 5

type claim struct {
	source    string
	delivered int64
	through   calendar.Day
}

// stopped tells whether a is an export that delivers no more: Cost Explorer has told of later days since.
func (a claim) stopped(by []claim) bool {
	return strings.HasPrefix(a.source, "export:") && slices.ContainsFunc(by, func(b claim) bool {
		return strings.HasPrefix(b.source, "ce:") && b.delivered > a.delivered && b.through > a.through+lag
	})
}

// counts gives the claim on a unit that counts.
func counts(all []claim) (best claim) {
	for _, c := range all {
		if !c.stopped(all) && (best.source == "" || c.better(best)) {
			best = c
		}
	}
	return best
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
		own := map[string]claim{}
		for _, a := range s.Accounts {
			for _, u := range a.Units {
				own[u] = claim{s.Name, max(own[u].delivered, a.Delivered), max(own[u].through, a.Last, a.Through)}
			}
		}
		for u, c := range own {
			claims[u] = append(claims[u], c)
		}
	}
	shadowed := map[string][]string{}
	for unit, all := range claims {
		best := counts(all)
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

// taken gives the units of a source's account that other sources will no longer count, by these.
func (h *holding) taken(source string, a *CoverAccount) map[string][]string {
	next := Cover{Sources: slices.Clone(h.cover.Sources)}
	next.set(h.next)
	before, all := h.cover.Shadowed(), map[string][]string{}
	for other, units := range next.Shadowed() {
		lost := slices.DeleteFunc(units, func(u string) bool { return !slices.Contains(a.Units, u) || slices.Contains(before[other], u) })
		if other != source && len(lost) > 0 {
			all[other] = lost
		}
	}
	return all
}

// concerns gives the projects that held what an account takes the place of: of its source, and of the units that it takes from others.
func (h *holding) concerns(a *CoverAccount, taken map[string][]string) (all []tenant.ProjectID) {
	if old := h.old.account(a.BillingAccount); old != nil {
		all = union(all, old.Projects)
	}
	for other, units := range taken {
		for _, b := range h.cover.source(other).Accounts {
			if slices.ContainsFunc(b.Units, func(u string) bool { return slices.Contains(units, u) }) {
				all = union(all, b.Projects)
			}
		}
	}
	return all
}

// checkWithin refuses to take from projects that who delivers does not see. It says neither what nor from whom.
func (r *Replacement) checkWithin() error {
	if r.Sees == nil {
		return nil
	}
	beyond := func(p tenant.ProjectID) bool { return !r.Sees(p) }
	for _, h := range r.covers {
		if !h.changed {
			continue
		}
		for i := range h.next.Accounts {
			a := &h.next.Accounts[i]
			if a.Delivery == r.Delivery && h.replaced[a.BillingAccount] && slices.ContainsFunc(h.concerns(a, h.taken(r.Source, a)), beyond) {
				return fault.New(fault.Invalid, "The delivery would take the place of costs that are not only of the projects that you are limited to. "+
					"Nothing was changed. Give it a source of its own and leave out accounts that others deliver, or ask a member who is not limited.")
			}
		}
	}
	return nil
}

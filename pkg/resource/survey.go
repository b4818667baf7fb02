package resource

import (
	"slices"
	"time"
)

// Survey is what one look at an account has brought.
type Survey struct {
	Account string
	At      time.Time
	Looks   []Look
	Parts   []string // names of what Stage has put aside
}

// Look is one list of a service's that was read, or could not be.
type Look struct {
	Region  string   `json:"region,omitempty"`  // Everywhere where the service lists all regions together
	Types   []string `json:"types,omitempty"`   // that the list is of; none: of all that has tags, in the region
	Global  bool     `json:"global,omitempty"`  // of what has tags: also of what is in no region
	Service string   `json:"service,omitempty"` // for people
	Reason  string   `json:"reason,omitempty"`  // why it could not be read to its end; "" where it was
}

// Everywhere is the Region of a Look at all regions together.
const Everywhere = "*"

// covers tells whether the look is at a region.
func (l *Look) covers(region string) bool {
	return l.Region == region || l.Region == Everywhere || l.Global && region == Global
}

// whole tells whether all resources of a type in a region were told of, so that what was not is not there, and whether it was a list of
// the type that told.
func (s *Survey) whole(kind, region string) (whole, listed bool) {
	for i := range s.Looks {
		if slices.Contains(s.Looks[i].Types, kind) {
			if listed = true; s.Looks[i].covers(region) && s.Looks[i].Reason == "" {
				return true, true
			}
		}
	}
	return !listed && s.tagged(region), listed
}

// tagged tells whether all that has tags in a region was told of.
func (s *Survey) tagged(region string) bool {
	return slices.ContainsFunc(s.Looks, func(l Look) bool { return len(l.Types) == 0 && l.covers(region) && l.Reason == "" })
}

// skipped is what could not be read.
func (s *Survey) skipped() (all []Skipped) {
	for _, l := range s.Looks {
		if l.Reason == "" {
			continue
		}
		x := Skipped{Region: l.Region, Service: l.Service, Reason: l.Reason}
		if x.Region == Everywhere {
			x.Region = ""
		}
		all = append(all, x)
	}
	return brief(all, maxSkipped)
}

// seen is what sightings of one resource tell together.
type seen struct {
	Resource
	listed bool // in a list of its type
}

// gather makes of all sightings what they tell of each resource, by ARN. A list of the type knows better than that of tags.
func (s *Survey) gather(found []Sighting) map[string]*seen {
	all := make(map[string]*seen, len(found))
	for i := range found {
		r, ok := found[i].resource(s.Account)
		if !ok {
			continue
		}
		next := &seen{r, !found[i].Aside}
		before := all[r.ARN]
		if before == nil {
			all[r.ARN] = next
			continue
		}
		if !before.listed && next.listed {
			before, next = next, before
		}
		before.and(&next.Resource)
		all[r.ARN] = before
	}
	return all
}

// and takes from another sighting what this one does not tell.
func (x *seen) and(r *Resource) {
	for _, s := range [][2]*string{{&x.Name, &r.Name}, {&x.State, &r.State}, {&x.Class, &r.Class}} {
		if *s[0] == "" {
			*s[0] = *s[1]
		}
	}
	if x.CreatedAt.IsZero() {
		x.CreatedAt = r.CreatedAt
	}
	if x.Tags == nil {
		x.Tags = r.Tags
	}
}

// merge gives the account's resources after the survey, those that are gone among them: what was told of is as it was told, what
// was not and should have been is gone, and what could not be read is as it was.
func (s *Survey) merge(before []Resource, found []Sighting) []Resource {
	at := s.At.UTC().Truncate(time.Second)
	told := s.gather(found)
	after := make([]Resource, 0, max(len(before), len(told)))
	for _, old := range before {
		now := told[old.ARN]
		delete(told, old.ARN)
		old = s.again(old, now, at)
		if !old.over(at) {
			after = append(after, old)
		}
	}
	for _, now := range told {
		if r := now.Resource; s.there(now) {
			if r.Tags == nil {
				r.Tags = map[string]string{}
			}
			r.FirstSeenAt, r.LastSeenAt = at, at
			r.called()
			after = append(after, r)
		}
	}
	return after
}

// there tells whether a sighting is of something that is there: of a type whose list was read, only what is in that is.
func (s *Survey) there(now *seen) bool {
	whole, listed := s.whole(now.Type, now.Region)
	return now.listed || !whole || !listed
}

// again is a resource that is known already.
func (s *Survey) again(old Resource, now *seen, at time.Time) Resource {
	if now == nil || !s.there(now) {
		if whole, _ := s.whole(old.Type, old.Region); whole && old.GoneAt.IsZero() {
			old.GoneAt = at
		}
		return old
	}
	next := now.Resource
	next.FirstSeenAt, next.LastSeenAt = old.FirstSeenAt, at
	if next.Tags == nil && !s.tagged(next.Region) {
		next.Tags = old.Tags
		if next.Name == "" {
			next.Name = next.Tags["Name"]
		}
	}
	if next.Tags == nil {
		next.Tags = map[string]string{}
	}
	if !now.listed { // the list of its type could not be read, which tells more
		next.State, next.Class = old.State, old.Class
		if next.CreatedAt.IsZero() {
			next.CreatedAt = old.CreatedAt
		}
	}
	next.called()
	return next
}

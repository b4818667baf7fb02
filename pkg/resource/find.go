package resource

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxFind bounds the resources that are looked through at once.
const MaxFind = 300_000

// ref is a resource of a block.
type ref struct {
	block
	i      int
	by, at string // what it is sorted by, and its ARN
}

// look reads what projects have of accounts and a query could keep; only says which projects.
func (s *Service) look(ctx context.Context, h *store.Tenant, q *Query, only func(tenant.ProjectID) bool) ([]block, *head, error) {
	var blocks []block
	var x head
	err := generation.Try(ctx, func() (err error) {
		if x, _, err = readHead(ctx, h); err != nil {
			return err
		}
		var keys []store.Key
		all := 0
		blocks = nil
		for i := range x.Accounts {
			a := &x.Accounts[i]
			for j := range a.Holdings {
				of := &a.Holdings[j]
				if !only(of.Project) || !q.keeps(byAccount, a.ID) || !q.keeps(byProject, string(of.Project)) {
					continue
				}
				for _, key := range of.keys(a.ID, a.Gen) {
					keys, blocks = append(keys, key), append(blocks, block{of: a, from: of})
				}
				all += of.Count
			}
		}
		if all > MaxFind {
			return fault.New(fault.Invalid, "These are %d resources; at most %d can be looked through at once. Ask for one project, or filter by "+
				"account or project.", all, MaxFind)
		}
		sheets, err := generation.Get(ctx, h, keys, decode)
		for i := range sheets {
			blocks[i].sheet = sheets[i]
		}
		return err
	})
	if errors.Is(err, generation.ErrMoved) {
		err = fault.New(fault.Unavailable, "The resources are being collected right now. Try again in a moment.")
	}
	return blocks, &x, err
}

// match gives the resources of blocks that a query keeps, in its order.
func (q *Query) match(blocks []block, now time.Time) []ref {
	var all []ref
	for _, b := range blocks {
		tests, by := q.tests(b), b.sorted(q.Sort)
		for i := range b.Head {
			if b.over(i, now) || slices.ContainsFunc(tests, func(t test) bool { return !t(i) }) {
				continue
			}
			all = append(all, ref{b, i, by(i), b.arn(i)})
		}
	}
	slices.SortFunc(all, q.compare)
	return all
}

// over tells whether nobody has seen the resource for so long that it is not shown any more.
func (b block) over(i int, now time.Time) bool {
	return now.Unix()-max(b.Last[i], b.Gone[i]) > int64(Keep/time.Second)
}

func (q *Query) compare(a, b ref) int {
	c := cmp.Or(strings.Compare(a.by, b.by), strings.Compare(a.at, b.at))
	if strings.HasPrefix(q.Sort, "-") {
		return -c
	}
	return c
}

// position is where a resource stands in the order; after reads it.
func (r *ref) position() string { return r.by + "\x00" + r.at }

// after leaves out what stands before a position and at it.
func (q *Query) after(all []ref, position string) []ref {
	if position == "" {
		return all
	}
	at := strings.LastIndexByte(position, 0)
	if at < 0 {
		return nil
	}
	last := ref{by: position[:at], at: position[at+1:]}
	first, _ := slices.BinarySearchFunc(all, last, func(r, last ref) int {
		if q.compare(r, last) <= 0 {
			return -1
		}
		return 1
	})
	return all[first:]
}

// resource is all that is known of it.
func (r *ref) resource(id tenant.ID) Resource {
	x := r.block.resource(r.i)
	x.ID, x.AccountID, x.ProjectID = tenant.ResourceIDOf(id, x.ARN), r.of.ID, r.from.Project
	return x
}

// Facet is a value and how many have it.
type Facet struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Facets counts what a query keeps by the values it has; the 100 most frequent of each.
type Facets struct {
	Type    []Facet `json:"type"`
	Region  []Facet `json:"region"`
	Account []Facet `json:"account"`
	Project []Facet `json:"project"`
	State   []Facet `json:"state" doc:"Without those that have none."`
	TagKey  []Facet `json:"tagKey"`
}

const maxFacets = 100

func facets(all []ref) *Facets {
	var kinds, regions, accounts, projects, states, keys = map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for i := range all {
		r := &all[i]
		kinds[r.Texts[r.Type[r.i]]]++
		regions[r.Texts[r.Region[r.i]]]++
		states[r.Texts[r.State[r.i]]]++
		accounts[r.of.ID]++
		projects[string(r.from.Project)]++
		for _, p := range r.Sets[r.Tags[r.i]/2] {
			keys[r.Texts[r.Pairs[p][0]]]++
		}
		keys["Name"] += int(r.Tags[r.i] % 2)
	}
	delete(states, "")
	if keys["Name"] == 0 {
		delete(keys, "Name")
	}
	return &Facets{most(kinds), most(regions), most(accounts), most(projects), most(states), most(keys)}
}

// most gives the most frequent values.
func most(counts map[string]int) []Facet {
	all := make([]Facet, 0, len(counts))
	for _, v := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, Facet{v, counts[v]})
	}
	slices.SortStableFunc(all, func(a, b Facet) int { return cmp.Compare(b.Count, a.Count) })
	return all[:min(len(all), maxFacets)]
}

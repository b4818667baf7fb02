package metric

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Harvest is what a run has brought of an account.
type Harvest struct {
	Account string
	Until   calendar.Day // days before were asked for
	Parts   []string     // names of what Stage has put aside
	Book    Book         // as it is from now on
}

// Count is what a commit has kept.
type Count struct{ Series, Values int }

// ErrOvertaken says that another run of the account was committed meanwhile.
var ErrOvertaken = errors.New("another run of the account's metrics was quicker")

// Commit makes visible what a run has brought, in all months and projects at once; guard is checked in the same transaction. A resource's
// metrics go to the project that has the resource now; those of what is no longer kept as a resource stay where they were. Until then,
// and with every error but one of which nothing is known, all is as it was. Errors are those of guard as *store.ConditionError and
// ErrOvertaken.
func (k Keeper) Commit(ctx context.Context, h *store.Tenant, v Harvest, guard ...store.Change) (Count, error) {
	_, book, err := readBook(ctx, h, v.Account) // first, so that nobody else's commit comes between what is settled and this one
	if err != nil {
		return Count{}, err
	}
	aside := k.aside(v.Account)
	if err := errors.Join(k.settle(ctx, h, v.Account), aside.Sweep(ctx, h)); err != nil {
		return Count{}, err
	}
	read, err := aside.Staged(ctx, h, v.Parts)
	if err != nil {
		return Count{}, err
	}
	projects, err := projectsOf(ctx, h, v.Account)
	if err != nil {
		return Count{}, err
	}
	c := &commit{Keeper: k, tenant: h, harvest: &v, projects: projects}
	if c.gen, err = generation.Keeper(k).ID(); err != nil {
		return Count{}, err
	}
	changes := append(slices.Clone(guard), store.Change{Key: store.MeasureBook(v.Account), Value: v.Book, Condition: store.VersionIs(book)})
	for _, m := range months(read) {
		head, err := c.month(ctx, m, read)
		if err != nil {
			return Count{}, err
		}
		changes = append(changes, head)
	}
	if len(c.next) > 0 {
		if err := k.notes(v.Account).Load(ctx, h, c.gen, c.next, c.before, c.parts); err != nil {
			return Count{}, err
		}
	}
	err = h.Write(ctx, changes...)
	if conflict := store.Conflicted(err); conflict != nil && (len(conflict.Failed) == 0 || conflict.Failed[0] >= len(guard)) {
		return Count{}, ErrOvertaken
	}
	if err != nil {
		return Count{}, fmt.Errorf("make metrics count: %w", err)
	}
	_ = k.settle(ctx, h, v.Account) // what cannot be taken away now is by the next commit
	_ = aside.Clear(ctx, h, v.Parts)
	return c.count, nil
}

// All makes visible what was read of an account up to a day, as a run does that gets it in one answer.
func (k Keeper) All(ctx context.Context, h *store.Tenant, account string, until calendar.Day, read []Reading) error {
	names, err := k.Stage(ctx, h, account, read)
	if err != nil {
		return err
	}
	now := k.Clock().UTC()
	_, err = k.Commit(ctx, h, Harvest{Account: account, Until: until, Parts: names, Book: Book{Slot: now, Whole: now}})
	return err
}

// projectsOf gives the project of each of an account's resources, by ARN.
func projectsOf(ctx context.Context, h *store.Tenant, account string) (map[string]tenant.ProjectID, error) {
	all, err := resource.Of(ctx, h, account)
	if err != nil {
		return nil, err
	}
	projects := make(map[string]tenant.ProjectID, len(all))
	for i := range all {
		projects[all[i].ARN] = all[i].ProjectID
	}
	return projects, nil
}

// months are those that readings are of, ascending.
func months(read []Reading) []calendar.Month {
	all := map[calendar.Month]bool{}
	for i := range read {
		for m := read[i].From.Month(); m <= (read[i].Until - 1).Month(); m++ {
			all[m] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// commit is the work of one Commit.
type commit struct {
	Keeper
	tenant   *store.Tenant
	harvest  *Harvest
	projects map[string]tenant.ProjectID
	gen      string
	next     []head // of the months that it changes
	before   []head
	parts    []store.Change
	count    Count
}

// held is a series and who has it.
type held struct {
	*Series
	by tenant.ProjectID
}

// month makes a month's documents and the change that makes them count.
func (c *commit) month(ctx context.Context, m calendar.Month, read []Reading) (store.Change, error) {
	before, version, err := readHead(ctx, c.tenant, c.harvest.Account, m)
	if err != nil {
		return store.Change{}, err
	}
	all, err := c.kept(ctx, &before)
	if err != nil {
		return store.Change{}, err
	}
	for i := range read {
		c.apply(all, m, &read[i])
	}
	next := head{Account: before.Account, Month: m, Gen: c.gen, At: c.Clock().Unix(), Until: c.harvest.Until}
	if err := c.split(&next, all); err != nil {
		return store.Change{}, err
	}
	c.next, c.before = append(c.next, next), append(c.before, before)
	item, err := packed.Of(next)
	return store.Change{Key: store.Measured(m, next.Account), Value: item, Condition: store.VersionIs(version)}, err
}

// kept reads what counts of a month.
func (c *commit) kept(ctx context.Context, x *head) (map[name]held, error) {
	all := map[name]held{}
	for i := range x.Holdings {
		of := &x.Holdings[i]
		parts, err := generation.Get(ctx, c.tenant, x.parts(of), decode)
		if errors.Is(err, generation.ErrMoved) {
			return nil, ErrOvertaken
		}
		if err != nil {
			return nil, err
		}
		for _, s := range slices.Concat(parts...) {
			all[s.name()] = held{s, of.Project}
		}
	}
	return all, nil
}

// apply puts what a reading tells of a month into it.
func (c *commit) apply(all map[name]held, m calendar.Month, r *Reading) {
	first, last := max(r.From, m.First()), min(r.Until-1, m.Last())
	if first > last {
		return
	}
	id := r.Series.name()
	old, known := all[id]
	next := r.Series
	next.Points = nil
	if known {
		for _, p := range old.Points {
			if p.Date < first || p.Date > last {
				next.Points = append(next.Points, p)
			}
		}
	}
	for _, p := range r.Series.Points {
		if p.Date >= first && p.Date <= last && real(p.Value) {
			next.Points = append(next.Points, p)
			c.count.Values++
		}
	}
	if len(next.Points) == 0 {
		delete(all, id)
		return
	}
	next.Points = ordered(next.Points)
	all[id] = held{&next, old.by}
}

// ordered gives points in order; of several of a day the last one.
func ordered(all []Point) []Point {
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b Point) int { return int(a.Date) - int(b.Date) })
	return slices.CompactFunc(all, func(a, b Point) bool { return a.Date == b.Date })
}

// place is where series lie.
type place struct {
	project tenant.ProjectID
	kind    string
}

// split puts series into documents.
func (c *commit) split(next *head, all map[name]held) error {
	split := map[place][]*Series{}
	for _, s := range all {
		by, there := c.projects[s.ARN]
		if !there {
			by = s.by
		}
		if by == "" {
			by = tenant.Unassigned
		}
		at := place{by, s.Type}
		split[at] = append(split[at], s.Series)
	}
	c.count.Series += len(all)
	order := func(a, b place) int {
		return strings.Compare(string(a.project)+"\x00"+a.kind, string(b.project)+"\x00"+b.kind)
	}
	for _, at := range slices.SortedFunc(maps.Keys(split), order) {
		parts, err := encode(next.Month, at.kind, split[at])
		if err != nil {
			return err
		}
		of := holding{Project: at.project, Type: at.kind, Parts: len(parts), Series: len(split[at])}
		next.Holdings = append(next.Holdings, of)
		for n, key := range next.parts(&of) {
			c.parts = append(c.parts, store.Change{Key: key, Value: parts[n]})
		}
	}
	return nil
}

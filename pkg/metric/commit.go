package metric

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
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

// generation is what a commit puts into projects and what it supersedes, written before either, so that whoever finds it after a
// kill knows what to take away.
type generation struct {
	_      struct{} `cbor:",toarray"`
	Next   []head
	Before []head
}

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
	if err := errors.Join(k.settle(ctx, h, v.Account), k.sweep(ctx, h, v.Account)); err != nil {
		return Count{}, err
	}
	read, err := staged(ctx, h, v.Account, v.Parts)
	if err != nil {
		return Count{}, err
	}
	projects, err := projectsOf(ctx, h, v.Account)
	if err != nil {
		return Count{}, err
	}
	c := &commit{Keeper: k, tenant: h, harvest: &v, projects: projects}
	if c.gen, err = k.id(); err != nil {
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
	if err := c.load(ctx); err != nil {
		return Count{}, err
	}
	err = h.Write(ctx, changes...)
	if conflict := store.Conflicted(err); conflict != nil && (len(conflict.Failed) == 0 || conflict.Failed[0] >= len(guard)) {
		return Count{}, ErrOvertaken
	}
	if err != nil {
		return Count{}, fmt.Errorf("make metrics count: %w", err)
	}
	_ = k.settle(ctx, h, v.Account) // what cannot be taken away now is by the next commit
	_ = h.Load(ctx, deletes(v.Parts, func(name string) store.Key { return store.Reading(v.Account, name) }))
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
	made     generation
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
	c.made.Next, c.made.Before = append(c.made.Next, next), append(c.made.Before, before)
	item, err := packed.Of(next)
	return store.Change{Key: store.Measured(m, next.Account), Value: item, Condition: store.VersionIs(version)}, err
}

// kept reads what counts of a month.
func (c *commit) kept(ctx context.Context, x *head) (map[name]held, error) {
	all := map[name]held{}
	for i := range x.Holdings {
		of := &x.Holdings[i]
		parts, err := get(ctx, c.tenant, x.parts(of))
		if errors.Is(err, errMoved) {
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

// load writes the documents, which nobody sees yet.
func (c *commit) load(ctx context.Context) error {
	if len(c.made.Next) == 0 {
		return nil
	}
	note, err := packed.Of(c.made)
	if err != nil {
		return err
	}
	if err := c.tenant.Load(ctx, []store.Change{{Key: store.Measuring(c.harvest.Account, c.gen), Value: note}}); err != nil {
		return fmt.Errorf("load metrics: %w", err)
	}
	for some := range slices.Chunk(c.parts, atOnce) {
		if err := c.tenant.Load(ctx, some); err != nil {
			return fmt.Errorf("load metrics: %w", err)
		}
	}
	return nil
}

// settle takes away what commits of an account have left behind: what they superseded where they count, else, once they can no
// longer come to their end, what they have loaded.
func (k Keeper) settle(ctx context.Context, h *store.Tenant, account string) error {
	span := store.AllMeasuring(account)
	page, err := h.Query(ctx, span, store.List{Consistency: store.Strongly})
	if err != nil {
		return fmt.Errorf("settle metrics: %w", err)
	}
	for _, r := range page.Records {
		var item packed.Item
		var g generation
		if err := r.Value.Decode(&item); err != nil {
			return fmt.Errorf("settle metrics: %w", err)
		}
		if err := item.Into(&g); err != nil {
			return fmt.Errorf("settle metrics: %w", err)
		}
		gone, err := k.over(ctx, h, &g)
		if err != nil {
			return err
		}
		if gone == nil {
			continue
		}
		all := append(deletes(gone, func(k store.Key) store.Key { return k }), store.Change{Action: store.Delete, Key: span.Here(r)})
		if err := h.Load(ctx, all); err != nil {
			return fmt.Errorf("settle metrics: %w", err)
		}
	}
	return nil
}

// over gives what is to be taken away because of a generation, nil where that is not known yet. All its months came to count together,
// and since only the next commit settles what it supersedes, the first tells of all.
func (k Keeper) over(ctx context.Context, h *store.Tenant, g *generation) ([]store.Key, error) {
	gone := []store.Key{}
	if len(g.Next) == 0 {
		return gone, nil
	}
	now, _, err := readHead(ctx, h, g.Next[0].Account, g.Next[0].Month)
	if err != nil {
		return nil, err
	}
	some := g.Before
	if now.Gen != g.Next[0].Gen {
		if k.Clock().Sub(made(g.Next[0].Gen)) <= left {
			return nil, nil
		}
		some = g.Next
	}
	for i := range some {
		gone = append(gone, some[i].keys(nil)...)
	}
	return gone, nil
}

func deletes[T any](all []T, key func(T) store.Key) []store.Change {
	changes := make([]store.Change, len(all))
	for i, x := range all {
		changes[i] = store.Change{Action: store.Delete, Key: key(x)}
	}
	return changes
}

package cost

import (
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// maxEdits bounds how often an item is read again because somebody else wrote it.
const maxEdits = 20

// indexes reads the Index items of a replacement, each once.
type indexes struct {
	tenant *store.Tenant
	read   map[store.Key]*Index
}

func newIndexes(t *store.Tenant) *indexes { return &indexes{t, map[store.Key]*Index{}} }

func (x *indexes) of(ctx context.Context, p tenant.ProjectID, v document.View) (*Index, error) {
	key := store.Index(p, string(v))
	if idx := x.read[key]; idx != nil {
		return idx, nil
	}
	idx := &Index{}
	if _, err := readBlob(ctx, x.tenant, key, idx); err != nil {
		return nil, err
	}
	x.read[key] = idx
	return idx, nil
}

// entry gives the entry of a source and period, or year where not 0; nil where there is none.
func (x *Index) entry(source string, period calendar.Month, year int) *Entry {
	i, found := slices.BinarySearchFunc(x.Entries, Entry{Source: source, Period: period, Year: year}, compareEntries)
	if !found {
		return nil
	}
	return &x.Entries[i]
}

// stage adds a version that does not count yet. base is the generation that counts: where the project had no entry, an
// empty version of it tells readers that there was nothing.
func (x *Index) stage(source string, period calendar.Month, year int, base string, v Version) {
	e := Entry{Source: source, Period: period, Year: year}
	i, found := slices.BinarySearchFunc(x.Entries, e, compareEntries)
	if !found {
		if base != "" {
			e.Versions = []Version{{Gen: base}}
		}
		x.Entries = slices.Insert(x.Entries, i, e)
	}
	all := slices.DeleteFunc(x.Entries[i].Versions, func(o Version) bool { return o.Gen == v.Gen }) // written, and thought failed
	x.Entries[i].Versions = append(all, v)
}

func readBlob(ctx context.Context, t *store.Tenant, k store.Key, into any) (int64, error) {
	var packed blob
	version, err := t.Read(ctx, k, &packed)
	if err != nil || version == 0 {
		return 0, err
	}
	return version, packed.Into(into)
}

// edit changes an item that others may be changing too: change is called on what is there, until nobody was quicker.
// Where change says false nothing is written.
func edit[T any](ctx context.Context, t *store.Tenant, k store.Key, change func(*T) (bool, error)) error {
	for range maxEdits {
		var value T
		version, err := readBlob(ctx, t, k, &value)
		if err != nil {
			return err
		}
		write, err := change(&value)
		if err != nil || !write {
			return err
		}
		packed, err := pack(value)
		if err != nil {
			return err
		}
		err = t.Write(ctx, store.Change{Key: k, Value: packed, Condition: store.VersionIs(version)})
		if store.Conflicted(err) == nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "Too many changes at once. Try again.")
}

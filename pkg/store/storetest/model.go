package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/store"
)

// entry is an item of the model.
type entry struct {
	thing
	version int64
	expires time.Time
}

// model is a store that is a map. It works in partitions of its own, so that one engine serves many.
type model struct {
	*env
	items      map[store.Address]entry
	partitions []string
}

// testModel does random operations on the engine and on the model, which must always agree.
func testModel(t *testing.T, e *env) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &model{env: e, items: map[store.Address]entry{}}
		for _, suffix := range []string{"", "\x00", "#P"} {
			m.partitions = append(m.partitions, fmt.Sprint("model", run, suffix))
		}
		t.Repeat(map[string]func(*rapid.T){
			"":      m.agree,
			"write": m.write, "load": m.load, "add": m.add, "get": m.get, "query": m.query,
			"wait": func(t *rapid.T) {
				e.clock.Advance(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
			},
		})
	})
}

func (m *model) address(t *rapid.T) store.Address {
	return store.Address{
		Table: rapid.SampledFrom([]store.Table{store.CoreTable, store.CostTable}).Draw(t, "table"),
		PK:    rapid.SampledFrom(m.partitions).Draw(t, "pk"),
		SK:    rapid.SampledFrom([]string{"a", "a\x00", "a#1", "a#10", "b", "é"}).Draw(t, "sk"),
	}
}

// live gives an item that has not expired.
func (m *model) live(a store.Address) (entry, bool) {
	i, ok := m.items[a]
	return i, ok && (i.expires.IsZero() || i.expires.After(m.clock.Now()))
}

func (m *model) ops(t *rapid.T, most int, loading bool) (ops []store.Op) {
	seen := map[store.Address]bool{}
	for range rapid.IntRange(1, most).Draw(t, "ops") {
		op := store.Op{Address: m.address(t)}
		if seen[op.Address] && !loading {
			continue
		}
		seen[op.Address] = true
		if !loading {
			op.Condition = m.condition(t, op.Address)
		}
		last := store.Delete
		if !loading && op.Condition != anyway {
			last = store.Check
		}
		op.Action = store.Action(rapid.IntRange(int(store.Put), int(last)).Draw(t, "action"))
		if op.Action == store.Put {
			op.Value = thing{Name: rapid.StringN(0, 3, -1).Draw(t, "name"), Count: rapid.Int64Range(-9, 9).Draw(t, "count")}
			op.ExpiresAt = m.expiry(t)
		}
		ops = append(ops, op)
	}
	return ops
}

func (m *model) expiry(t *rapid.T) time.Time {
	if seconds := rapid.IntRange(-1, 5).Draw(t, "expires in"); seconds > 0 {
		return m.clock.Now().Add(time.Duration(seconds) * time.Second)
	}
	return time.Time{}
}

// condition draws one that often holds.
func (m *model) condition(t *rapid.T, a store.Address) store.Condition {
	i, _ := m.live(a)
	return rapid.SampledFrom([]store.Condition{anyway, store.Absent, store.Present, store.VersionIs(i.version),
		store.VersionIs(i.version), store.VersionIs(i.version + 1)}).Draw(t, "condition")
}

func (m *model) holds(op store.Op) bool {
	i, there := m.live(op.Address)
	switch kind, n := op.Condition.Kind(); kind {
	case store.IfAbsent:
		return !there
	case store.IfPresent:
		return there
	case store.IfVersion:
		return there && i.version == n
	}
	return true
}

func (m *model) apply(op store.Op) {
	switch op.Action {
	case store.Delete:
		delete(m.items, op.Address)
	case store.Put:
		version := int64(1)
		if kind, _ := op.Condition.Kind(); kind == store.IfPresent || kind == store.IfVersion {
			version = m.items[op.Address].version + 1
		}
		m.items[op.Address] = entry{op.Value.(thing), version, op.ExpiresAt}
	}
}

func (m *model) write(t *rapid.T) {
	ops := m.ops(t, 5, false)
	var failed []int
	for i, op := range ops {
		if !m.holds(op) {
			failed = append(failed, i)
		}
	}
	err := m.Write(m.ctx, ops)
	if failed != nil {
		requireFailed(t, err, failed...)
		return
	}
	require.NoError(t, err)
	for _, op := range ops {
		m.apply(op)
	}
}

func (m *model) load(t *rapid.T) {
	ops := m.ops(t, 8, true)
	require.NoError(t, m.Load(m.ctx, ops))
	for _, op := range ops {
		m.apply(op)
	}
}

func (m *model) add(t *rapid.T) {
	a, by, expires := m.address(t), rapid.Int64Range(-9, 9).Draw(t, "by"), m.expiry(t)
	i, there := m.live(a)
	if !there {
		i = entry{version: 1}
	}
	i.Count += by
	if !expires.IsZero() {
		i.expires = expires
	}
	sums, err := m.Add(m.ctx, a, map[string]int64{"count": by}, expires)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"count": i.Count}, sums)
	m.items[a] = i
}

func (m *model) get(t *rapid.T) {
	var asked []store.Address
	for range rapid.IntRange(0, 6).Draw(t, "gets") {
		asked = append(asked, m.address(t))
	}
	m.compare(t, asked)
}

func (m *model) compare(t *rapid.T, asked []store.Address) {
	records, err := m.Get(m.ctx, asked, store.Strongly)
	require.NoError(t, err)
	require.Len(t, records, len(asked))
	for i, r := range records {
		want, there := m.live(asked[i])
		require.Equal(t, there, r != nil)
		if there {
			m.same(t, asked[i], want, *r)
		}
	}
}

func (m *model) same(t *rapid.T, a store.Address, want entry, r store.Record) {
	got := entry{version: r.Version, expires: r.ExpiresAt}
	require.NoError(t, r.Value.Decode(&got.thing))
	require.Equal(t, want, got)
	require.Equal(t, a, r.Address)
}

func (m *model) query(t *rapid.T) {
	ends := rapid.SampledFrom([]string{"", "a", "a#", "a#1", "a\x00", "b", "z", "é"})
	one := m.address(t)
	r := store.Range{Table: one.Table, PK: one.PK, From: ends.Draw(t, "from"), To: ends.Draw(t, "to"), After: ends.Draw(t, "after"),
		Reverse: rapid.Bool().Draw(t, "reverse"), Limit: rapid.IntRange(0, 3).Draw(t, "limit"), Consistency: store.Strongly}
	m.page(t, r)
}

// page reads a range whole and compares it.
func (m *model) page(t *rapid.T, r store.Range) {
	var want []string
	for _, a := range slices.SortedFunc(maps.Keys(m.items), func(a, b store.Address) int {
		if a.SK < b.SK != r.Reverse {
			return -1
		}
		return 1
	}) {
		_, there := m.live(a)
		past := r.After == "" || !r.Reverse && a.SK > r.After || r.Reverse && a.SK < r.After
		if there && a.Table == r.Table && a.PK == r.PK && a.SK >= r.From && a.SK <= r.To && past {
			want = append(want, a.SK)
		}
	}
	require.Equal(t, want, m.keys(t, r))
}

// agree compares every item of the model.
func (m *model) agree(t *rapid.T) { m.compare(t, slices.Collect(maps.Keys(m.items))) }

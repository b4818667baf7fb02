package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/store"
)

func testGet(t *testing.T, e *env) {
	e.write(t, put("a", thing{Name: "A"}, anyway), put("b", thing{Name: "B"}, anyway))
	other := store.Address{Table: store.CostTable, PK: partition, SK: "a"}
	e.write(t, store.Op{Address: other, Value: thing{Name: "other table"}})

	t.Run("order asked, absent nil, twice twice, over tables", func(t *testing.T) {
		asked := []store.Address{at("b"), at("none"), other, at("a"), at("b")}
		for _, c := range []store.Consistency{store.Strongly, store.Eventually} {
			records, err := e.Get(e.ctx, asked, c)
			require.NoError(t, err)
			require.Equal(t, []string{"B", "", "other table", "A", "B"}, names(t, records))
		}
	})
	t.Run("one absent", func(t *testing.T) {
		records, err := e.Get(e.ctx, []store.Address{at("none")}, store.Strongly)
		require.NoError(t, err)
		require.Equal(t, []*store.Record{nil}, records)
	})
	t.Run("none asked", func(t *testing.T) {
		records, err := e.Get(e.ctx, nil, store.Strongly)
		require.NoError(t, err)
		require.Empty(t, records)
	})
	t.Run("more than one call of DynamoDB", func(t *testing.T) {
		var ops []store.Op
		var asked []store.Address
		var want []string
		for i := range 230 {
			sk := fmt.Sprintf("many%03d", i)
			ops, asked, want = append(ops, put(sk, thing{Name: sk}, anyway)), append(asked, at(sk)), append(want, sk)
		}
		require.NoError(t, e.Load(e.ctx, ops))
		records, err := e.Get(e.ctx, asked, store.Strongly)
		require.NoError(t, err)
		require.Equal(t, want, names(t, records))
	})
}

func names(t *testing.T, records []*store.Record) (names []string) {
	for _, r := range records {
		var v thing
		if r != nil {
			require.NoError(t, r.Value.Decode(&v))
		}
		names = append(names, v.Name)
	}
	return names
}

func testQuery(t *testing.T, e *env) {
	skipped := store.Address{Table: store.CoreTable, PK: partition + "\x00", SK: "b"}
	ops := []store.Op{{Address: skipped, Value: thing{}}, {Address: store.Address{Table: store.CostTable, PK: partition, SK: "b"}, Value: thing{}}}
	for _, sk := range []string{"a", "b", "b#1", "b#10", "b#2", "c", "é", "\U0001F600"} {
		ops = append(ops, put(sk, thing{Name: sk}, anyway))
	}
	e.write(t, ops...)
	tests := []struct {
		name            string
		from, to, after string
		reverse         bool
		want            string
	}{
		{"both ends are in it", "b", "c", "", false, "b b#1 b#10 b#2 c"},
		{"a prefix", "b#", "b#\U0010FFFF", "", false, "b#1 b#10 b#2"},
		{"all", "", "\U0010FFFF", "", false, "a b b#1 b#10 b#2 c é \U0001F600"},
		{"backwards", "b", "c", "", true, "c b#2 b#10 b#1 b"},
		{"all backwards", "", "\U0010FFFF", "", true, "\U0001F600 é c b#2 b#10 b#1 b a"},
		{"after one", "b", "c", "b#1", false, "b#10 b#2 c"},
		{"after one backwards", "b", "c", "b#10", true, "b#1 b"},
		{"after none that is there", "b", "c", "b#11", false, "b#2 c"},
		{"after none that is there, backwards", "b", "c", "b#11", true, "b#10 b#1 b"},
		{"after what is before the range", "b", "c", "a", false, "b b#1 b#10 b#2 c"},
		{"after what is past the range, backwards", "b", "c", "d", true, "c b#2 b#10 b#1 b"},
		{"after the end", "b", "c", "c", false, ""},
		{"after past the end", "b", "c", "d", false, ""},
		{"after the end backwards", "b", "c", "b", true, ""},
		{"nothing there", "d", "d\U0010FFFF", "", false, ""},
		{"ends crossed", "c", "b", "", false, ""},
		{"an empty end", "", "", "", false, ""},
		{"one key", "b#1", "b#1", "", true, "b#1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, limit := range []int{0, 1, 2, 100} {
				r := store.Range{Table: store.CoreTable, PK: partition, From: test.from, To: test.to, After: test.after,
					Reverse: test.reverse, Limit: limit, Consistency: limit > 1}
				require.Equal(t, strings.Fields(test.want), append([]string{}, e.keys(t, r)...), "limit %d", limit)
			}
		})
	}
	t.Run("pages of 1 MB", func(t *testing.T) { testPages(t, e) })
}

// testKeys holds that any text is a key of its own, and that sort keys are in the order of their bytes.
func testKeys(t *testing.T, e *env) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, 'a', '#', 'é', '\U0010FFFF'}), 1, 3, -1)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		want := map[string][]string{}
		var ops []store.Op
		for range rapid.IntRange(1, 12).Draw(t, "items") {
			a := store.Address{Table: store.CoreTable, PK: fmt.Sprint(run, text.Draw(t, "pk")), SK: text.Draw(t, "sk")}
			ops = append(ops, store.Op{Address: a, Value: thing{}})
			want[a.PK] = append(want[a.PK], a.SK)
		}
		require.NoError(t, e.Load(e.ctx, ops))
		for pk, keys := range want {
			slices.Sort(keys)
			got := e.keys(t, store.Range{Table: store.CoreTable, PK: pk, To: strings.Repeat("\U0010FFFF", 4), Consistency: store.Strongly})
			require.Equal(t, slices.Compact(keys), got)
		}
	})
}

func testPages(t *testing.T, e *env) {
	var ops []store.Op
	var want []string
	for i := range 9 {
		sk := fmt.Sprintf("big%d", i)
		ops, want = append(ops, put(sk, thing{Body: make([]byte, 300<<10)}, anyway)), append(want, sk)
	}
	require.NoError(t, e.Load(e.ctx, ops))
	r := store.Range{Table: store.CoreTable, PK: partition, From: "big", To: "big9", Consistency: store.Strongly}
	page, err := e.Query(e.ctx, r)
	require.NoError(t, err)
	require.Len(t, page.Records, 4)
	require.Equal(t, "big3", page.Next)
	require.Equal(t, want, e.keys(t, r))
	r.Reverse = true
	slices.Reverse(want)
	require.Equal(t, want, e.keys(t, r))
}

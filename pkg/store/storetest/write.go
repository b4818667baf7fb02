package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
)

func testWrite(t *testing.T, e *env) {
	t.Run("versions", func(t *testing.T) { testVersions(t, e) })
	t.Run("conditions", func(t *testing.T) { testConditions(t, e) })
	t.Run("a transaction is whole or not at all", func(t *testing.T) { testTransaction(t, e) })
	t.Run("a put leaves nothing of the old item", func(t *testing.T) {
		for _, c := range []store.Condition{anyway, store.Present, store.VersionIs(1)} {
			e.write(t, put("x", thing{Name: "old", Note: "old", Body: []byte("old")}, anyway))
			e.write(t, put("x", thing{Name: "new"}, c))
			v, _ := e.read(t, at("x"))
			require.Equal(t, thing{Name: "new"}, v)
		}
	})
	t.Run("100 operations over tables", func(t *testing.T) {
		var ops []store.Op
		for i := range store.MaxWrite {
			op := put(fmt.Sprintf("h%d", i), thing{Count: int64(i)}, store.Absent)
			op.Address.Table = store.Tables[i%4]
			ops = append(ops, op)
		}
		e.write(t, ops...)
		for i, op := range ops {
			v, version := e.read(t, op.Address)
			require.Equal(t, int64(i), v.Count)
			require.Equal(t, int64(1), version)
		}
	})
}

func testVersions(t *testing.T, e *env) {
	steps := []struct {
		name      string
		condition store.Condition
		want      int64
	}{
		{"absent makes 1", store.Absent, 1},
		{"version 1 makes 2", store.VersionIs(1), 2},
		{"present counts up", store.Present, 3},
		{"present counts up again", store.Present, 4},
		{"no condition makes 1", anyway, 1},
		{"version 1 makes 2 again", store.VersionIs(1), 2},
	}
	for i, s := range steps {
		for _, sk := range []string{"alone", "first"} {
			ops := []store.Op{put(sk, thing{Count: int64(i)}, s.condition)}
			if sk == "first" {
				ops = append(ops, put("beside", thing{}, anyway))
			}
			e.write(t, ops...)
			v, version := e.read(t, at(sk))
			require.Equal(t, s.want, version, s.name)
			require.Equal(t, int64(i), v.Count)
		}
	}
	e.write(t, remove("alone", store.VersionIs(2)))
	e.write(t, put("alone", thing{}, store.VersionIs(0)))
	_, version := e.read(t, at("alone"))
	require.Equal(t, int64(1), version)
}

func testConditions(t *testing.T, e *env) {
	e.write(t, put("there", thing{}, anyway))
	e.write(t, put("there", thing{Name: "there"}, store.Present))
	tests := []struct {
		name      string
		sk        string
		condition store.Condition
		holds     bool
	}{
		{"absent where nothing is", "none", store.Absent, true},
		{"absent where something is", "there", store.Absent, false},
		{"present where nothing is", "none", store.Present, false},
		{"present where something is", "there", store.Present, true},
		{"version 0 where nothing is", "none", store.VersionIs(0), true},
		{"version 0 where something is", "there", store.VersionIs(0), false},
		{"the version", "there", store.VersionIs(2), true},
		{"an older version", "there", store.VersionIs(1), false},
		{"a newer version", "there", store.VersionIs(3), false},
		{"a version where nothing is", "none", store.VersionIs(1), false},
	}
	for _, test := range tests {
		for _, action := range []store.Action{store.Put, store.Delete, store.Check} {
			for _, beside := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/action %d, in a transaction %v", test.name, action, beside), func(t *testing.T) {
					op := store.Op{Action: action, Address: at(test.sk), Value: thing{Name: "new"}, Condition: test.condition}
					testCondition(t, e, op, test.holds, beside)
				})
			}
		}
	}
}

// testCondition makes one conditional operation on a copy of the items and looks at what is there after it.
func testCondition(t *testing.T, e *env, op store.Op, holds, beside bool) {
	op.Address.PK = t.Name()
	there := op.Address
	there.SK = "there"
	e.write(t, store.Op{Address: there, Value: thing{}})
	e.write(t, store.Op{Address: there, Value: thing{Name: "there"}, Condition: store.Present})
	ops, want := []store.Op{op}, []int{0}
	if beside {
		other := op.Address
		other.SK = "beside"
		ops, want = []store.Op{{Address: other, Value: thing{Name: "beside"}}, op}, []int{1}
	}
	before, _ := e.read(t, op.Address)
	err := e.Write(e.ctx, ops)
	after, version := e.read(t, op.Address)
	if !holds {
		requireFailed(t, err, want...)
		require.Equal(t, before, after)
		return
	}
	require.NoError(t, err)
	switch op.Action {
	case store.Put:
		require.Equal(t, "new", after.Name)
	case store.Delete:
		require.Zero(t, version)
	case store.Check:
		require.Equal(t, before, after)
	}
	if beside {
		v, _ := e.read(t, ops[0].Address)
		require.Equal(t, "beside", v.Name)
	}
}

func testTransaction(t *testing.T, e *env) {
	e.write(t, put("t1", thing{Name: "1"}, anyway), put("t2", thing{Name: "2"}, anyway), put("t3", thing{Name: "3"}, anyway))
	err := e.Write(e.ctx, []store.Op{
		put("t1", thing{Name: "changed"}, store.VersionIs(1)),
		put("t2", thing{Name: "changed"}, store.Absent),
		remove("t3", anyway),
		check("t4", store.Present),
		put("t5", thing{}, store.Present),
		put("t6", thing{}, anyway),
	})
	requireFailed(t, err, 1, 3, 4)
	require.Equal(t, []string{"t1", "t2", "t3"}, e.keys(t, store.Range{Table: store.CoreTable, PK: partition, From: "t", To: "t9"}))
	for sk, name := range map[string]string{"t1": "1", "t2": "2", "t3": "3"} {
		v, _ := e.read(t, at(sk))
		require.Equal(t, name, v.Name)
	}
	e.write(t, put("t1", thing{Name: "changed"}, store.VersionIs(1)), remove("t2", store.Present), check("t3", store.VersionIs(1)),
		check("t4", store.Absent), put("t5", thing{Name: "5"}, store.Absent), remove("t6", anyway))
	require.Equal(t, []string{"t1", "t3", "t5"}, e.keys(t, store.Range{Table: store.CoreTable, PK: partition, From: "t", To: "t9"}))
	_, version := e.read(t, at("t1"))
	require.Equal(t, int64(2), version)
}

func testRefused(t *testing.T, e *env) {
	tooMany := make([]store.Op, store.MaxWrite+1)
	for i := range tooMany {
		tooMany[i] = put(fmt.Sprint(i), thing{}, anyway)
	}
	type reserved struct {
		Version int `json:"version"`
	}
	type fraction struct {
		F any `json:"f"`
	}
	writes := map[string][]store.Op{
		"no operation":                nil,
		"more than 100 operations":    tooMany,
		"an address twice":            {put("a", thing{}, anyway), check("a", store.Absent)},
		"a check of nothing":          {check("a", anyway)},
		"an empty sort key":           {put("", thing{}, anyway)},
		"an empty partition key":      {{Address: store.Address{Table: store.CoreTable, SK: "a"}, Value: thing{}}},
		"a key that is not UTF-8":     {put("\xff", thing{}, anyway)},
		"no value":                    {put("a", nil, anyway)},
		"a value that is no struct":   {put("a", 7, anyway)},
		"an attribute of the engine":  {put("a", reserved{}, anyway)},
		"an empty key in a map":       {put("a", fraction{map[string]string{"": "x"}}, anyway)},
		"a key in a map not a string": {put("a", fraction{map[int]string{1: "x"}}, anyway)},
		"a fraction":                  {put("a", fraction{1.5}, anyway)},
		"text that is not UTF-8":      {put("a", thing{Name: "\xff"}, anyway)},
	}
	for name, ops := range writes {
		t.Run(name, func(t *testing.T) { requireDefect(t, e.Write(e.ctx, ops)) })
	}
	t.Run("a condition in a load", func(t *testing.T) {
		requireDefect(t, e.Load(e.ctx, []store.Op{put("a", thing{}, store.Absent)}))
		requireDefect(t, e.Load(e.ctx, []store.Op{check("a", store.Absent)}))
	})
	t.Run("an empty key", func(t *testing.T) {
		_, err := e.Get(e.ctx, []store.Address{at("")}, store.Strongly)
		requireDefect(t, err)
		_, err = e.Query(e.ctx, store.Range{Table: store.CoreTable, From: "a", To: "b"})
		requireDefect(t, err)
	})
	t.Run("an addition to nothing, to the engine's, to text", func(t *testing.T) {
		e.write(t, put("text", thing{Name: "n"}, anyway))
		for _, by := range []map[string]int64{nil, {"version": 1}, {"pk": 1}, {"": 1}, {"name": 1}} {
			_, err := e.Add(e.ctx, at("text"), by, e.clock.Now())
			requireDefect(t, err)
		}
	})
	require.Empty(t, e.keys(t, store.Range{Table: store.CoreTable, PK: partition, To: "a"}))
}

func testTooLarge(t *testing.T, e *env) {
	// pk, the partition, sk, s, version and 1, count and 0, name: and body.
	rest := 2 + len(partition) + 2 + 1 + 7 + 2 + 5 + 1 + 4 + 4
	largest := thing{Body: make([]byte, store.MaxItem-rest)}
	e.write(t, put("s", largest, anyway))
	v, _ := e.read(t, at("s"))
	require.Len(t, v.Body, len(largest.Body))
	larger := thing{Body: make([]byte, store.MaxItem-rest+1)}
	require.ErrorIs(t, e.Write(e.ctx, []store.Op{put("s", larger, anyway)}), store.ErrTooLarge)
	require.ErrorIs(t, e.Write(e.ctx, []store.Op{put("s", larger, anyway), put("r", thing{}, anyway)}), store.ErrTooLarge)
	require.ErrorIs(t, e.Load(e.ctx, []store.Op{put("s", larger, anyway)}), store.ErrTooLarge)

	var ops []store.Op
	for i := range 11 {
		ops = append(ops, put(fmt.Sprint(i), thing{Body: make([]byte, 390<<10)}, anyway))
	}
	require.ErrorIs(t, e.Write(e.ctx, ops), store.ErrTooLarge)
	e.write(t, ops[:10]...)

	long := map[string]store.Address{
		"sort key":      at(strings.Repeat("k", store.MaxSKBytes+1)),
		"partition key": {Table: store.CoreTable, PK: strings.Repeat("k", store.MaxPKBytes+1), SK: "s"},
	}
	for name, a := range long {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, e.Write(e.ctx, []store.Op{{Address: a, Value: thing{}}}), store.ErrTooLarge)
			_, err := e.Get(e.ctx, []store.Address{a}, store.Strongly)
			require.ErrorIs(t, err, store.ErrTooLarge)
			_, err = e.Add(e.ctx, a, map[string]int64{"n": 1}, e.clock.Now())
			require.ErrorIs(t, err, store.ErrTooLarge)
		})
	}
	longest := store.Address{Table: store.CoreTable, PK: strings.Repeat("é", store.MaxPKBytes/2), SK: strings.Repeat("é", store.MaxSKBytes/2)}
	e.write(t, store.Op{Address: longest, Value: thing{Name: "longest"}})
	v, _ = e.read(t, longest)
	require.Equal(t, "longest", v.Name)
}

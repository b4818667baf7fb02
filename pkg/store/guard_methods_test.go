package store_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/store"
)

// Every method that engines have, and every one that they will have, is refused on a foreign key, whatever a caller did
// before: with the key alone, and with it last among the tenant's own.
func TestGuardRefusesForeignKeysToEveryMethod(t *testing.T) {
	methods := reflect.TypeFor[store.Engine]()
	require.Positive(t, methods.NumMethod())
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				id := tenants().Draw(t, "tenant")
				own := store.Address{Table: store.CoreTable, PK: "T#" + string(id), SK: "META"}
				at := store.Address{Table: tables().Draw(t, "table"), PK: foreign(id).Draw(t, "pk"), SK: rapid.String().Draw(t, "sk")}
				if rapid.Bool().Draw(t, "directory") {
					at = store.Address{Table: store.DirectoryTable, PK: own.PK, SK: own.SK}
				}
				r := &recorder{}
				for among := range 3 {
					method := reflect.ValueOf(store.Guard(r, id)).MethodByName(name)
					err := call(t, method, own, at, among)
					require.ErrorIs(t, err, store.ErrDenied)
					require.Empty(t, r.asked, "the engine was called")
				}
				method := reflect.ValueOf(store.Guard(r, id)).MethodByName(name)
				require.NoError(t, call(t, method, own, own, 1), "the tenant's own key is let through")
				require.NotEmpty(t, r.asked)
			})
		})
	}
}

// call calls a method with an address in every place of its parameters that one goes to; in lists after so many others.
func call(t *rapid.T, method reflect.Value, own, at store.Address, others int) error {
	in := []reflect.Value{reflect.ValueOf(context.Background())}
	places := 0
	for i := 1; i < method.Type().NumIn(); i++ {
		v := reflect.New(method.Type().In(i)).Elem()
		places += place(v, own, at, others)
		in = append(in, v)
	}
	require.Positive(t, places, "a method of Engine has no parameter that this test knows to hold a key: teach `place`")
	out := method.Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// place puts an address where one goes and tells in how many places that was.
func place(v reflect.Value, own, at store.Address, others int) (n int) {
	switch {
	case v.Kind() == reflect.Slice:
		for range others {
			one := reflect.New(v.Type().Elem()).Elem()
			place(one, own, own, 0)
			v.Set(reflect.Append(v, one))
		}
		one := reflect.New(v.Type().Elem()).Elem()
		if n = place(one, own, at, others); n > 0 {
			v.Set(reflect.Append(v, one))
		}
		return n
	case v.Kind() != reflect.Struct:
		return 0
	}
	if table, pk := v.FieldByName("Table"), v.FieldByName("PK"); table.IsValid() && pk.IsValid() { // an Address or a Range
		table.Set(reflect.ValueOf(at.Table))
		pk.SetString(at.PK)
		return 1
	}
	for i := range v.NumField() {
		if v.Field(i).CanSet() {
			n += place(v.Field(i), own, at, others)
		}
	}
	return n
}

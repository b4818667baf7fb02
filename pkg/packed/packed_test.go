package packed_test

import (
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/packed"
)

type thing struct {
	Name string
	Many []int64
}

func TestWhatIsPackedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := thing{rapid.String().Draw(t, "name"), rapid.SliceOfN(rapid.Int64(), 1, 9).Draw(t, "many")}
		for _, pack := range []func(any) (packed.Item, error){packed.Of, packed.Small} {
			item, err := pack(want)
			require.NoError(t, err)
			var got thing
			require.NoError(t, item.Into(&got))
			require.Equal(t, want, got)
		}
	})
}

func TestWhatCannotBePackedIsAnError(t *testing.T) {
	_, err := packed.Of(func() {})
	require.Error(t, err)
}

func TestWhatWasNotPackedIsAnError(t *testing.T) {
	e, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for name, body := range map[string][]byte{
		"nothing compressed":    []byte("text"),
		"compressed, no CBOR":   e.EncodeAll([]byte("text"), nil),
		"more than there is to": e.EncodeAll([]byte(strings.Repeat("\x00", packed.Max+1)), nil),
	} {
		t.Run(name, func(t *testing.T) {
			var into thing
			require.Error(t, packed.Item{Body: body}.Into(&into))
		})
	}
}

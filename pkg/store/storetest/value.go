package storetest

import (
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/store"
)

// code is a TextMarshaler.
type code struct{ n byte }

func (c code) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, []byte{c.n}), nil }

func (c *code) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err == nil {
		c.n = b[0]
	}
	return err
}

// MarshalBinary is there to be passed over.
func (c code) MarshalBinary() ([]byte, error) { return []byte{c.n, c.n}, nil }

type inner struct {
	Text string          `json:"text"`
	Deep map[string]int8 `json:"deep"`
}

type embedded struct {
	Shared string `json:"shared"`
}

// rich has a field of every kind that a stored struct may have.
type rich struct {
	embedded
	Text    string            `json:"text"`
	Int     int64             `json:"int"`
	Uint    uint64            `json:"uint"`
	Small   int16             `json:"small,omitempty"`
	Bool    bool              `json:"bool"`
	Bytes   []byte            `json:"bytes"`
	Maybe   []byte            `json:"maybe,omitempty"`
	Code    code              `json:"code"`
	Codes   []code            `json:"codes,omitempty"`
	Time    time.Time         `json:"time"`
	Zero    time.Time         `json:"zero,omitzero"`
	Texts   []string          `json:"texts"`
	Chunks  [][]byte          `json:"chunks"`
	Map     map[string]string `json:"map"`
	Structs []inner           `json:"structs"`
	ByName  map[string]inner  `json:"byName"`
	Pointer *inner            `json:"pointer"`
	Number  *int64            `json:"number,omitempty"`
	Hidden  string            `json:"-"`
	Untaged int
}

// Values draws structs with a field of every kind that a stored struct may have, the awkward values often.
func Values() *rapid.Generator[any] {
	return rapid.Map(values(), func(r rich) any { return r })
}

// values draws rich structs, the awkward ones often: nil and empty, the largest and smallest, repeated elements.
func values() *rapid.Generator[rich] {
	text := rapid.OneOf(rapid.Just(""), rapid.String())
	name := rapid.StringMatching(`[a-z#."\\é]{1,5}`)
	data := rapid.OneOf(rapid.Just[[]byte](nil), rapid.Just([]byte{}), rapid.SliceOfN(rapid.Byte(), 1, 20))
	codes := rapid.Custom(func(t *rapid.T) code { return code{rapid.Byte().Draw(t, "n")} })
	deep := rapid.Custom(func(t *rapid.T) inner {
		return inner{text.Draw(t, "text"), rapid.MapOfN(name, rapid.Int8(), 0, 3).Draw(t, "deep")}
	})
	times := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC()
	})
	return rapid.Custom(func(t *rapid.T) rich {
		return rich{
			embedded: embedded{text.Draw(t, "shared")},
			Text:     text.Draw(t, "text"),
			Int:      rapid.Int64().Draw(t, "int"),
			Uint:     rapid.Uint64().Draw(t, "uint"),
			Small:    rapid.Int16().Draw(t, "small"),
			Bool:     rapid.Bool().Draw(t, "bool"),
			Bytes:    data.Draw(t, "bytes"),
			Maybe:    rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "maybe"),
			Code:     codes.Draw(t, "code"),
			Codes:    rapid.SliceOfN(codes, 1, 3).Draw(t, "codes"),
			Time:     times.Draw(t, "time"),
			Zero:     rapid.OneOf(rapid.Just(time.Time{}), times).Draw(t, "zero"),
			Texts:    rapid.OneOf(rapid.Just[[]string](nil), rapid.SliceOfN(text, 0, 4)).Draw(t, "texts"),
			Chunks:   rapid.SliceOfN(data, 0, 4).Draw(t, "chunks"),
			Map:      rapid.OneOf(rapid.Just[map[string]string](nil), rapid.MapOfN(name, text, 0, 3)).Draw(t, "map"),
			Structs:  rapid.SliceOfN(deep, 0, 3).Draw(t, "structs"),
			ByName:   rapid.MapOfN(name, deep, 0, 2).Draw(t, "byName"),
			Pointer:  rapid.Ptr(deep, true).Draw(t, "pointer"),
			Number:   rapid.Ptr(rapid.Int64(), true).Draw(t, "number"),
			Untaged:  rapid.Int().Draw(t, "untagged"),
		}
	})
}

func testValues(t *testing.T, e *env) {
	load := func(t require.TestingT, into any) {
		records, err := e.Get(e.ctx, []store.Address{at("v")}, store.Strongly)
		require.NoError(t, err)
		require.NoError(t, records[0].Value.Decode(into))
	}
	t.Run("every struct comes back as it was", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			want := values().Draw(t, "value")
			e.write(t, put("v", want, anyway))
			var got rich
			load(t, &got)
			require.Equal(t, want, got)
		})
	})
	t.Run("extremes", func(t *testing.T) {
		lowest := int64(math.MinInt64)
		want := rich{Int: math.MaxInt64, Uint: math.MaxUint64, Number: &lowest, Time: time.Unix(0, 1).UTC()}
		e.write(t, put("v", &want, anyway))
		var got rich
		load(t, &got)
		require.Equal(t, want, got)
	})
	t.Run("json tags name the attributes, unknown ones are passed over", func(t *testing.T) {
		e.write(t, put("v", rich{Text: "x", Hidden: "h", Code: code{255}}, anyway))
		var other struct {
			Text   string `json:"text"`
			Code   string `json:"code"`
			Extra  string `json:"extra"`
			Hidden string `json:"Hidden"`
			TEXT   string `json:"TEXT"`
		}
		load(t, &other)
		require.Equal(t, "x", other.Text)
		require.Equal(t, "ff", other.Code)
		require.Empty(t, other.Extra+other.Hidden+other.TEXT)
	})
	t.Run("a value that does not fit is an error", func(t *testing.T) {
		e.write(t, put("v", rich{Text: "x"}, anyway))
		records, err := e.Get(e.ctx, []store.Address{at("v")}, store.Strongly)
		require.NoError(t, err)
		require.Error(t, records[0].Value.Decode(&struct {
			Text int `json:"text"`
		}{}))
	})
}

package focus_test

import (
	"encoding/csv"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/focus"
)

// standard reads CSV by encoding/csv, up to the first error.
func standard(text string) (records [][]string, ok bool) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records, true
		}
		if err != nil {
			return records, false
		}
		records = append(records, record)
	}
}

func TestTokenizerSplitsAsEncodingCSV(t *testing.T) {
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data with the error": iotest.DataErrReader,
	}
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{",", ",,", "\n", "\r\n", "\r", `"`, `""`, `","`, "\"\n\"", `"a"`, "-", "0.1", "é", "x,-y", "\n\n"}),
		rapid.StringMatching(`[a-c]{0,20}`),
		rapid.Map(rapid.StringMatching("[a,\"\n]{0,12}"), func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }),
	)
	for name, reader := range readers {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			text := strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "text"), "")
			buffer := rapid.IntRange(1, 200).Draw(t, "buffer")
			want, wantOK := standard(text)
			got, ok := focus.Split(reader(strings.NewReader(text)), 1<<20, buffer)
			require.Equal(t, wantOK, ok)
			require.Len(t, got, len(want))
			for i := range got {
				for k := range got[i] {
					got[i][k] = strings.ReplaceAll(got[i][k], "\r\n", "\n")
				}
				require.Equal(t, want[i], got[i])
			}
		}))
	}
}

func TestTokenizerMovesRecordsThroughASmallBuffer(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		text.WriteString(strings.Repeat("a", i%40) + `,"b""` + strings.Repeat("\n", i%5) + `"` + "\n")
	}
	want, _ := standard(text.String())
	got, ok := focus.Split(strings.NewReader(text.String()), 60, 0)
	require.True(t, ok)
	require.Equal(t, want, got)
}

func TestTokenizerEndsAtARecordThatIsTooLong(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 101), strings.Repeat("a", 101) + "\nb\n", `"` + strings.Repeat("a\n", 60), strings.Repeat(",", 1000)} {
		records, ok := focus.Split(strings.NewReader("x,y\n"+text), 98, 0)
		require.False(t, ok)
		require.Equal(t, [][]string{{"x", "y"}}, records)
	}
	records, ok := focus.Split(strings.NewReader(strings.Repeat("a", 98)+"\r\n"), 98, 0)
	require.True(t, ok)
	require.Len(t, records, 1)
}

func TestEmptyLinesTakeNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const header = "BilledCost,EffectiveCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart," +
		"ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName\n"
	lines := io.MultiReader(strings.NewReader(header), io.LimitReader(newlines{}, 50<<20))
	r, err := focus.NewCSV(lines, focus.Options{Symbols: focus.NewSymbols()})
	require.NoError(t, err)
	require.False(t, r.Next(&focus.Line{}))
	require.NoError(t, r.Err())
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

type newlines struct{}

func (newlines) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '\n'
	}
	return len(b), nil
}

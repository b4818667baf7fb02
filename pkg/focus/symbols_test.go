package focus_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/focus"
)

func TestSymbolsAreOnePerTextAndColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := focus.NewSymbols()
		texts := rapid.SliceOfN(rapid.StringMatching(`[a-c]{0,3}`), 0, 100).Draw(t, "texts")
		for _, d := range []focus.Dim{focus.RegionID, focus.Tags} {
			given := map[string]focus.Symbol{"": 0}
			for _, text := range texts {
				y := s.Intern(d, []byte(text))
				if known, ok := given[text]; ok {
					require.Equal(t, known, y)
				} else {
					require.EqualValues(t, len(given), y)
				}
				given[text] = y
			}
			require.Equal(t, len(given), s.Len(d))
			for text, y := range given {
				require.Equal(t, text, s.Text(d, y))
			}
		}
	})
}

func TestSymbolsHoldManyAndLongTexts(t *testing.T) {
	s := focus.NewSymbols()
	text := func(i int) string {
		if i%1000 == 999 {
			return strings.Repeat("x", 100_000) + fmt.Sprint(i)
		}
		return fmt.Sprintf("resource/%d", i)
	}
	held := 0
	for i := range 50_000 {
		require.EqualValues(t, i+1, s.Intern(focus.ResourceID, []byte(text(i))))
		held += len(text(i))
	}
	for i := range 50_000 {
		require.Equal(t, text(i), s.Text(focus.ResourceID, focus.Symbol(i+1)))
	}
	require.Greater(t, s.Bytes(), held)
	require.Less(t, s.Bytes(), held+50_000*80)
	require.Empty(t, s.Text(focus.ResourceID, 50_001))
	require.Empty(t, s.Text(focus.RegionID, 1))
}

func TestResetSymbolsAreNoticedByReaders(t *testing.T) {
	var lines []cells
	for i := range 300 {
		lines = append(lines, cells{"ResourceId": fmt.Sprintf("r%d", i%7), "Tags": fmt.Sprintf(`{"a": "%d"}`, i%5)})
	}
	text := file(lines...)
	for name, open := range openers(text) {
		t.Run(name, func(t *testing.T) {
			s := focus.NewSymbols()
			s.Intern(focus.ResourceID, []byte("before"))
			r, err := open(focus.Options{Symbols: s})
			require.NoError(t, err)
			var l focus.Line
			for i := range lines {
				if i%23 == 22 {
					s.Reset()
				}
				require.True(t, r.Next(&l))
				require.Equal(t, lines[i]["ResourceId"], s.Text(focus.ResourceID, l.Dims[focus.ResourceID]))
				require.Equal(t, fmt.Sprintf(`{"a":"%d"}`, i%5), s.Text(focus.Tags, l.Dims[focus.Tags]))
				require.Equal(t, "USD", s.Text(focus.BillingCurrency, l.Dims[focus.BillingCurrency]))
			}
			require.NoError(t, r.Err())
			require.Equal(t, 300/23, s.Epoch())
			require.LessOrEqual(t, s.Len(focus.ResourceID), 8)
		})
	}
}

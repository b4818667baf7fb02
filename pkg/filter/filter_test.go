package filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/filter"
)

type dimension string

func parse(s string) (filter.Filter[dimension], error) {
	return filter.Parse(s, func(name string) (dimension, error) {
		if name == "" {
			return "", errors.New("no name")
		}
		return dimension(name), nil
	}, "tag:")
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune(`ab:,\! `)))
		want := filter.Filter[dimension]{Dimension: "a", Not: rapid.Bool().Draw(t, "not"), Values: rapid.SliceOfN(text, 1, 4).Draw(t, "values")}
		if rapid.Bool().Draw(t, "tag") {
			want.Dimension = dimension("tag:x" + text.Draw(t, "key"))
		}
		got, err := parse(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
		texts := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOf(text).Draw(t, "texts"))))
		each, some := want.KeepsEach(texts)
		for i, s := range texts {
			require.Equal(t, want.Keeps(s), each[i])
		}
		require.Equal(t, slices.ContainsFunc(texts, want.Keeps), some)
	})
}

func TestEverythingWrongIsTold(t *testing.T) {
	var told []string
	all := filter.ReadAll([]string{"a:b", ":b", `a:\x`, strings.Repeat("x", filter.MaxBytes+1)}, parse, func(at, message, _ string) {
		told = append(told, at+" "+message)
	})
	require.Equal(t, []filter.Filter[dimension]{{Dimension: "a", Values: []string{"b"}}}, all)
	require.Len(t, told, 3)
	require.Contains(t, told[0], "query.filter[1] no name")
	require.Contains(t, told[1], "query.filter[2] a backslash")
	require.Contains(t, told[2], "query.filter all filters together take at most 4000")
}

func TestExcess(t *testing.T) {
	one := filter.Filter[dimension]{Dimension: "a", Values: []string{"b"}}
	require.Empty(t, filter.Excess(slices.Repeat([]filter.Filter[dimension]{one}, filter.Max)))
	require.Contains(t, filter.Excess(slices.Repeat([]filter.Filter[dimension]{one}, filter.Max+1)), "21 times")
	one.Values = make([]string, filter.MaxValues+1)
	require.Contains(t, filter.Excess([]filter.Filter[dimension]{one}), "400 values")
	one.Values = []string{strings.Repeat("x", filter.MaxBytes)}
	require.Contains(t, filter.Excess([]filter.Filter[dimension]{one}), "4000 characters")
}

package route_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/route"
)

func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"web-1":        "web-1",
		"2026-01-02":   "2026-01-02",
		"a = b":        "a = b",
		"a;b":          "a;b",
		"=1+1":         "'=1+1",
		"-2":           "'-2",
		"@SUM(A1)":     "'@SUM(A1)",
		"＝1+1":         "'＝1+1",
		"＠x":           "'＠x",
		"a;=1+1":       "a;'=1+1",
		"a\t+1":        "a\t'+1",
		"a;  \"=1\"":   "a;  \"'=1\"",
		"a|-1":         "a|'-1",
		"a\n＋1":        "a\n'＋1",
		" =1":          " '=1",
		"\tx":          "'\tx",
		"a;b;@c;d-e=f": "a;b;'@c;d-e=f",
	} {
		require.Equal(t, want, route.Harmless(text), text)
	}
}

// Whatever splits a line where, no cell begins with what a spreadsheet runs.
func TestNoCellOfHarmlessTextsRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune("ab=+-@＝－;\t\n\r|,\"' "))), 1, 4).Draw(t, "cells")
		var b bytes.Buffer
		harmless := make([]string, len(cells))
		for i, c := range cells {
			harmless[i] = route.Harmless(c)
		}
		route.WriteRecord(&b, harmless)
		r := csv.NewReader(strings.NewReader(b.String()))
		if rows, err := r.ReadAll(); err == nil && len(rows) == 1 {
			require.Len(t, rows[0], len(cells), "read as it is meant")
		}
		for _, split := range []string{";", "\t", "|", "\n", "\r"} {
			for cell := range strings.SplitSeq(b.String(), split) {
				cell = strings.TrimLeft(cell, "\" ")
				require.False(t, cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]), "%q", b.String())
			}
		}
	})
}

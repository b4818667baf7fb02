package focus_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/focus"
)

// cells are the fields of a line that differ from the plain one.
type cells map[string]string

const absent = "\x00absent" // a column that the file does not have

func plainCells() cells {
	return cells{
		"BilledCost": "1.5", "EffectiveCost": "1.25", "BillingAccountId": "payer", "BillingCurrency": "USD",
		"BillingPeriodStart": "2026-01-01T00:00:00Z", "ChargePeriodStart": "2026-01-05T00:00:00Z", "ChargePeriodEnd": "2026-01-06T00:00:00Z",
		"ChargeCategory": "Usage", "ServiceName": "Example Compute", "ProviderName": "AWS",
	}
}

// file is a header and one line for each of the cells.
func file(lines ...cells) string {
	columns := plainCells()
	for _, l := range lines {
		maps.Copy(columns, l)
	}
	header := slices.Sorted(maps.Keys(columns))
	header = slices.DeleteFunc(header, func(name string) bool { return len(lines) > 0 && lines[0][name] == absent })
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header)
	for _, l := range lines {
		all := plainCells()
		maps.Copy(all, l)
		var fields []string
		for _, name := range header {
			fields = append(fields, all[name])
		}
		_ = w.Write(fields)
	}
	w.Flush()
	return b.String()
}

// read gives the lines of a CSV file and what Err says at its end.
func read(text string, o focus.Options) (*focus.CSVReader, []focus.Line, error) {
	r, err := focus.NewCSV(strings.NewReader(text), o)
	if err != nil {
		return nil, nil, err
	}
	lines, err := drain(r)
	return r, lines, err
}

func drain(r focus.Reader) (lines []focus.Line, err error) {
	var l focus.Line
	for r.Next(&l) {
		lines = append(lines, l)
	}
	return lines, r.Err()
}

// readLine reads a file of one line.
func readLine(t *testing.T, c cells) (focus.Line, *focus.Symbols) {
	s := focus.NewSymbols()
	_, lines, err := read(file(c), focus.Options{Symbols: s})
	require.NoError(t, err)
	require.Len(t, lines, 1)
	return lines[0], s
}

// problems are those of the Rejection that err must be.
func problems(t require.TestingT, err error) []focus.Problem {
	var rejection *focus.Rejection
	require.True(t, errors.As(err, &rejection), "%v is no Rejection", err)
	require.NotEmpty(t, rejection.Problems)
	require.NotEmpty(t, rejection.Error())
	return rejection.Problems
}

var errFull = errors.New("disk full")

// full is a writer that has no place.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

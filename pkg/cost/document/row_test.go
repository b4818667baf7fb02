package document_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

func key(texts ...string) []byte { return []byte(strings.Join(texts, "\x00")) }

func amount(hi int64, lo uint64, scale int) money.Amount {
	a, err := money.FromUnscaled(hi, lo, scale)
	if err != nil {
		return money.Amount{}
	}
	return a
}

func drawAmount(t *rapid.T) money.Amount {
	scale := rapid.IntRange(0, money.Scale).Draw(t, "scale")
	lo := rapid.Uint64().Draw(t, "lo") >> rapid.IntRange(0, 63).Draw(t, "shift")
	hi := int64(0)
	switch rapid.IntRange(0, 9).Draw(t, "size") {
	case 0:
		hi = rapid.Int64().Draw(t, "hi")
		scale = money.Scale
	case 1, 2:
		hi, lo = -1, -lo
	}
	return amount(hi>>8, lo, scale) // the sum of all is to stay in range
}

func drawCell(t *rapid.T, col document.Col) document.Cell {
	c := document.Cell{Col: col, Valid: rapid.IntRange(0, 7).Draw(t, "valid") > 0}
	if c.Valid {
		c.Amount = drawAmount(t)
	}
	if !c.Valid || rapid.IntRange(0, 7).Draw(t, "nulls") == 0 {
		c.Nulls = rapid.Int64Range(0, 1<<40).Draw(t, "count")
	}
	return c
}

func drawRows(t *rapid.T, dims int) []document.Row {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", "ab", "\x01", "é", "zz"}), rapid.StringMatching(`[a-z/:-]{0,40}`))
	keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(text, dims, dims).Draw(t, "texts"), "\x00")
	}), 0, 12, rapid.ID).Draw(t, "keys")
	slices.Sort(keys)
	cols := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) document.Col {
		return document.Col{
			Billing: calendar.Month(rapid.OneOf(rapid.Int32Range(24287, 24290), rapid.Int32()).Draw(t, "billing")),
			Day:     calendar.Day(rapid.OneOf(rapid.Int32Range(19970, 20010), rapid.Int32()).Draw(t, "day")),
		}
	}), 1, 20, rapid.ID).Draw(t, "cols")
	slices.SortFunc(cols, document.Col.Compare)
	dense := rapid.Bool().Draw(t, "dense")
	rows := make([]document.Row, len(keys))
	for i, k := range keys {
		rows[i].Key = []byte(k)
		for _, col := range cols {
			if dense || rapid.Bool().Draw(t, "present") {
				rows[i].Cells = append(rows[i].Cells, drawCell(t, col))
			}
		}
	}
	return rows
}

func nameOf(_ focus.Dim, id string) string {
	if len(id)%2 == 0 {
		return ""
	}
	return "name of " + id
}

// period makes rows as real ones are: keys of the service view, amounts of a number of bits at 10 decimals.
func period(r *rand.Rand, keys int, cols []document.Col, bits int) []document.Row {
	seen := map[string]bool{}
	for len(seen) < keys {
		n := func(prefix string, of int) string { return fmt.Sprint(prefix, r.IntN(of)) }
		account := r.IntN(3)
		seen[string(key("USD", "000000000000", fmt.Sprint(111122223333*(account+1)), n("Provider ", 2),
			services[r.IntN(len(services))], regions[r.IntN(len(regions))], n("Category ", 3), n("", 2)))] = true
	}
	rows := make([]document.Row, 0, keys)
	for k := range seen {
		rows = append(rows, document.Row{Key: []byte(k)})
	}
	slices.SortFunc(rows, func(a, b document.Row) int { return bytes.Compare(a.Key, b.Key) })
	for i := range rows {
		for _, col := range cols {
			a := amount(0, r.Uint64()>>(64-bits), 10)
			rows[i].Cells = append(rows[i].Cells, document.Cell{Col: col, Amount: a, Valid: true})
		}
	}
	return rows
}

var services = []string{
	"Amazon Elastic Compute Cloud", "Amazon Simple Storage Service", "AWS Lambda", "Amazon Relational Database Service",
	"Amazon CloudFront", "AWS Key Management Service", "Amazon DynamoDB", "Amazon Virtual Private Cloud",
	"Amazon Route 53", "AmazonCloudWatch", "Amazon Elastic Container Service for Kubernetes", "AWS Secrets Manager",
}

var regions = []string{"us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-2"}

func days(n int) []document.Col {
	cols := make([]document.Col, n)
	for i := range cols {
		cols[i] = document.Col{Billing: calendar.Month(2026 * 12), Day: calendar.Date(2026, time.January, 1+i)}
	}
	return cols
}

func months() []document.Col {
	cols := make([]document.Col, 12)
	for i := range cols {
		m := calendar.Month(2026*12 + i)
		cols[i] = document.Col{Billing: m, Day: m.First()}
	}
	return cols
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

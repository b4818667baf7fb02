package document_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/money"
)

// stored is what testdata/v1.part holds: rows with gaps, of a narrow and a wide scale, negative, null.
func stored() []document.Row {
	var rows []document.Row
	for i := range 40 {
		r := document.Row{Key: key("USD", fmt.Sprint(100+i/10), services[i/10], fmt.Sprintf("sku-%03d", i), regions[i%6])}
		for day := range 31 {
			c := document.Cell{Col: document.Col{Billing: 24312, Day: calendar.Day(20454 + day)}, Valid: true}
			switch {
			case (i+day)%4 == 0:
				continue
			case i == 7:
				c.Amount = amount(int64(day)<<50, 1<<63, money.Scale)
			case (i+day)%9 == 0:
				c.Nulls, c.Valid = int64(1+day), false
			default:
				c.Amount = amount(0, uint64(i*i*i*(day+40)), 10)
			}
			if i%5 == 3 {
				c.Amount = c.Amount.Neg()
			}
			r.Cells = append(r.Cells, c)
		}
		rows = append(rows, r)
	}
	return rows
}

func TestStoredPartsStayReadable(t *testing.T) {
	part, err := os.ReadFile("testdata/v1.part")
	require.NoError(t, err)
	rows, names := decode(t, [][]byte{part})
	require.Equal(t, stored(), rows)
	require.Equal(t, "name of 100", names["100"])
	_, sum := encode(t, 5, nameOf, rows)
	require.Equal(t, "7124c81ef5f47b544bd507bf07bc6cdb", hex.EncodeToString(sum.Hash[:]), "documents are compared by hash with those stored")
}

package metric

import (
	"bytes"
	"strconv"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

// maxCSV bounds a CSV answer, in bytes: what a function can give at once.
const maxCSV = 5 << 20

var columns = []string{"resourceId", "arn", "type", "accountId", "metric", "statistic", "unit", "date", "value"}

// table writes series as RFC 4180: a header, then a line for each value. The error is fault.Invalid for more than 5 MB.
func table(all []Shown) ([]byte, error) {
	var b bytes.Buffer
	route.WriteRecord(&b, columns)
	for i := range all {
		x := &all[i]
		cells := []string{string(x.ResourceID), x.ARN, x.Type, x.AccountID, x.Metric, x.Statistic, x.Unit}
		for n := range cells {
			cells[n] = route.Harmless(cells[n])
		}
		for _, p := range x.Points {
			route.WriteRecord(&b, append(cells[:len(cells):len(cells)], p.Date.String(), strconv.FormatFloat(p.Value, 'f', -1, 64)))
			if b.Len() > maxCSV {
				return nil, fault.New(fault.Invalid, "The CSV would be over 5 MB. Ask for fewer resources, metrics or days, or page through the JSON answer.")
			}
		}
	}
	return b.Bytes(), nil
}

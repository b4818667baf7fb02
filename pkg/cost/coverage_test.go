package cost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
)

func TestOneSourceCounts(t *testing.T) {
	hold := func(name string, delivered int64, last, through int) cost.CoverSource {
		day := func(d int) calendar.Day {
			if d == 0 {
				return 0
			}
			return calendar.Date(2026, 3, d)
		}
		return cost.CoverSource{Name: name, Accounts: []cost.CoverAccount{{BillingAccount: "1", Delivered: delivered, Units: []string{"u"}, Last: day(last), Through: day(through)}}}
	}
	for name, c := range map[string]struct {
		counts string
		of     []cost.CoverSource
	}{
		"one alone": {"ce:a", []cost.CoverSource{hold("ce:a", 1, 1, 0)}},
		"an export before an upload and Cost Explorer": {"export:a", []cost.CoverSource{hold("ce:a", 3, 9, 0), hold("export:a", 1, 9, 0), hold("upload:a", 2, 9, 0)}},
		"an upload before Cost Explorer":               {"upload:a", []cost.CoverSource{hold("ce:a", 3, 31, 0), hold("upload:a", 2, 9, 0)}},
		"of two uploads the newer":                     {"upload:a", []cost.CoverSource{hold("upload:a", 3, 9, 0), hold("upload:b", 2, 9, 0)}},
		"an export that is a little behind":            {"export:a", []cost.CoverSource{hold("ce:a", 2, 14, 0), hold("export:a", 1, 9, 0)}},
		"not an export that was stopped":               {"ce:a", []cost.CoverSource{hold("ce:a", 2, 15, 0), hold("export:a", 1, 9, 0)}},
		"not one by days without costs":                {"ce:a", []cost.CoverSource{hold("ce:a", 2, 9, 15), hold("export:a", 1, 9, 0)}},
		"an export whose last days had no costs":       {"export:a", []cost.CoverSource{hold("ce:a", 2, 31, 0), hold("export:a", 1, 9, 31)}},
		"an export that came later":                    {"export:a", []cost.CoverSource{hold("ce:a", 1, 15, 0), hold("export:a", 2, 9, 0)}},
		"an upload where an export was stopped":        {"upload:a", []cost.CoverSource{hold("ce:a", 2, 15, 0), hold("export:a", 1, 9, 0), hold("upload:a", 1, 9, 0)}},
		"another export where one was stopped":         {"export:b", []cost.CoverSource{hold("ce:a", 3, 15, 0), hold("export:a", 1, 9, 0), hold("export:b", 2, 14, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			shadowed := (&cost.Cover{Sources: c.of}).Shadowed()
			require.Len(t, shadowed, len(c.of)-1)
			require.NotContains(t, shadowed, c.counts)
		})
	}
}

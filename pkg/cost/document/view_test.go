package document_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

func TestViewsLeadWithTheBaseAndRepeatNoDimension(t *testing.T) {
	require.Len(t, document.Views, 5)
	for _, v := range document.Views {
		dims := v.Dims()
		require.Equal(t, document.Base, dims[:len(document.Base)], v)
		seen := map[focus.Dim]bool{}
		for _, d := range dims {
			require.False(t, seen[d], "%s: dimension %d twice", v, d)
			require.Less(t, d, focus.NumDims)
			seen[d] = true
		}
	}
	require.Empty(t, document.View("other").Dims())
}

func TestViewsShareNoMemory(t *testing.T) {
	want := document.Usage.Dims()
	for _, v := range document.Views {
		dims := append(v.Dims(), focus.Tags)
		clear(dims)
	}
	require.Equal(t, want, document.Usage.Dims())
	require.Len(t, document.Base, 3)
}

func TestOnlyTheUsageViewKeepsQuantities(t *testing.T) {
	for _, v := range document.Views {
		metrics := v.Metrics()
		require.Equal(t, []focus.Metric{focus.BilledCost, focus.EffectiveCost, focus.ListCost, focus.ContractedCost}, metrics[:4], v)
		if v == document.Usage {
			require.Contains(t, v.Dims(), focus.PricingUnit, "unlike units never add")
			require.Equal(t, focus.PricingQuantity, metrics[4])
		} else {
			require.Len(t, metrics, 4, v)
		}
	}
}

func TestServiceUsageAndTagsAreDaily(t *testing.T) {
	for v, daily := range map[document.View]bool{
		document.Service: true, document.Usage: true, document.Tags: true, document.Resource: false, document.Invoice: false,
	} {
		require.Equal(t, daily, v.Daily(), v)
	}
}

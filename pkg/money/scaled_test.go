package money_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/money"
)

func TestFromScaledIsFromUnscaledOfAnInt64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, -1, 0, 1, math.MaxInt64})).Draw(t, "v")
		scale := rapid.IntRange(0, money.Scale).Draw(t, "scale")
		want, err := money.FromUnscaled(v>>63, uint64(v), scale)
		require.NoError(t, err)
		require.Equal(t, want, money.FromScaled(v, scale))
	})
}

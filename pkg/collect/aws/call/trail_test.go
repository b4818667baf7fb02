package call_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/collect/aws/call"
)

func TestAListThatGoesRoundIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, round := rapid.IntRange(0, 50).Draw(t, "before"), rapid.IntRange(1, 50).Draw(t, "round")
		var trail call.Trail
		for n := 0; ; n++ {
			token := n
			if n >= before {
				token = before + (n-before)%round
			}
			if err := trail.Next(fmt.Sprint(token)); err != nil {
				require.ErrorIs(t, err, call.ErrEndless)
				require.GreaterOrEqual(t, n, before+round, "no token came twice before")
				break
			}
			require.Less(t, n, 3*(before+round), "it goes on and on")
		}
	})
}

func TestAListIsNoLongerThanItsBound(t *testing.T) {
	var trail call.Trail
	for n := range call.MaxPages - 1 {
		require.NoError(t, trail.Next(fmt.Sprint(n)))
	}
	require.ErrorIs(t, trail.Next("last"), call.ErrEndless)
}

package fault_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
)

func TestEveryFailureHasACode(t *testing.T) {
	seen := map[fault.Code]bool{}
	for k := fault.Internal; k <= fault.TooLong; k++ {
		c := fault.New(k, "x").Named()
		require.Regexp(t, regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), string(c))
		require.False(t, seen[c], "%s is of two kinds", c)
		require.Contains(t, fault.Codes(), c)
		seen[c] = true
	}
	require.Equal(t, fault.Internal.Code(), fault.Kind(99).Code())
	require.Equal(t, fault.LastOwner, fault.New(fault.Conflict, "x").Coded(fault.LastOwner).Named())
	limited := fault.New(fault.Forbidden, "x").Of("projects")
	require.Equal(t, fault.LimitReached, limited.Named())
	require.Equal(t, "projects", limited.Limit)
}

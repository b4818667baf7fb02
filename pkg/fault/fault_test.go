package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/fault"
)

func TestKindOf(t *testing.T) {
	cause := errors.New("disk")
	tests := []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"nothing", nil, fault.Internal},
		{"what nobody classified", cause, fault.Internal},
		{"a fault", fault.New(fault.NotFound, "there is none"), fault.NotFound},
		{"a fault, wrapped", fmt.Errorf("read: %w", fault.New(fault.Stale, "changed")), fault.Stale},
		{"a fault with a cause", fault.Wrap(cause, fault.Unavailable, "later"), fault.Unavailable},
		{"the outer of two", fault.Wrap(fault.New(fault.Limited, "a"), fault.Conflict, "b"), fault.Conflict},
		{"the zero fault", &fault.Error{}, fault.Internal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, fault.KindOf(test.err))
			require.Equal(t, test.err != nil, fault.Is(test.err, test.want))
			require.False(t, fault.Is(test.err, fault.Unsupported))
		})
	}
}

func TestCauseIsKeptFromTheMessage(t *testing.T) {
	cause := errors.New("T#ten_secret")
	err := fault.Wrap(cause, fault.Internal, "project %q", "web")
	require.Equal(t, `project "web"`, err.Message)
	require.EqualError(t, err, `project "web": T#ten_secret`)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, fault.New(fault.Invalid, "no"), "no")
}

func TestDetails(t *testing.T) {
	err := fault.New(fault.Invalid, "two things").At("query.start", "not a date", "yesterday").At("query.end", "missing", "")
	require.Equal(t, []fault.Detail{{"query.start", "not a date", "yesterday"}, {"query.end", "missing", ""}}, err.Details)
}

func TestLongValuesAreCutBetweenCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Repeat(rapid.StringN(1, 5, -1).Draw(t, "part"), rapid.IntRange(1, 60).Draw(t, "times"))
		got := fault.New(fault.Invalid, "x").At("here", "wrong", value).Details[0].Value
		if len(value) <= 100 {
			require.Equal(t, value, got)
			return
		}
		start, cut := strings.CutSuffix(got, "...")
		require.True(t, cut)
		require.True(t, strings.HasPrefix(value, start))
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), 103)
		require.GreaterOrEqual(t, len(start), 97)
	})
}

package route_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

func TestCursors(t *testing.T) {
	mine := route.NewCursors("listThings", home, "a")
	cursor := mine.Make("PROJECT#1")
	for name, c := range map[string]struct {
		of     route.Cursors
		cursor string
		after  string
		kind   fault.Kind
	}{
		"stands where it was made":     {mine, cursor, "PROJECT#1", -1},
		"is the first page when empty": {mine, "", "", -1},
		"of another tenant":            {route.NewCursors("listThings", abroad, "a"), cursor, "", fault.Malformed},
		"of another operation":         {route.NewCursors("listOthers", home, "a"), cursor, "", fault.Malformed},
		"of another filter":            {route.NewCursors("listThings", home, "b"), cursor, "", fault.Malformed},
		"of parts joined otherwise":    {route.NewCursors("listThings"+home, "a"), cursor, "", fault.Malformed},
		"without a position":           {mine, cursor[:16], "", fault.Malformed},
		"cut":                          {mine, cursor[:len(cursor)-2], "", fault.Malformed},
		"with more":                    {mine, cursor + "AA", "", fault.Malformed},
		"that is no base64":            {mine, "?" + cursor, "", fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := c.of.After(c.cursor)
			if c.kind < 0 {
				require.NoError(t, err)
			} else {
				require.True(t, fault.Is(err, c.kind), "%v", err)
			}
			require.Equal(t, c.after, after)
		})
	}
	require.Empty(t, mine.Make(""))
	require.NotContains(t, cursor, home)
}

func TestCursorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := route.NewCursors(rapid.SliceOf(rapid.String()).Draw(t, "parts")...)
		want := rapid.StringN(1, 100, 1000).Draw(t, "after")
		got, err := c.After(c.Make(want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func FuzzCursor(f *testing.F) {
	c := route.NewCursors("listThings", home)
	f.Add("")
	f.Add(c.Make("PROJECT#prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"))
	f.Add(route.NewCursors("listThings", abroad).Make("x"))
	f.Add("AAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		after, err := c.After(cursor)
		if err != nil {
			require.Empty(t, after)
			require.Equal(t, fault.Malformed, fault.KindOf(err))
			return
		}
		require.Equal(t, cursor, c.Make(after))
	})
}

func TestIfMatch(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		kind   fault.Kind
	}{
		"absent lets the last write win": {"", -1},
		"any":                            {"*", -1},
		"the version":                    {`"v3"`, -1},
		"one of several":                 {`"v1" , "v3"`, -1},
		"another version":                {`"v2"`, fault.Stale},
		"a weak tag":                     {`W/"v3"`, fault.Stale},
		"a tag of somebody else":         {`"abc"`, fault.Stale},
		"no quotes":                      {`v3`, fault.Malformed},
		"half of a list":                 {`"v3",`, fault.Malformed},
		"an open quote":                  {`"v3`, fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			err := route.IfMatch{IfMatch: c.header}.Check(3)
			if c.kind < 0 {
				require.NoError(t, err)
			} else {
				require.True(t, fault.Is(err, c.kind), "%v", err)
			}
		})
	}
	require.Equal(t, `"v3"`, route.ETag(3))
}

package route_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
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

// Whoever is shown a part of a list walks through that part and nothing else: no cursor stands on what is left out, none leads to an
// empty page, and a page is full unless it is the last.
func TestPagesOfWhatIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := rapid.SliceOfN(rapid.Bool(), 0, 500).Draw(t, "which are shown")
		c, reads := route.NewCursors("listThings", home), 0
		query := func(l store.List) (page store.Page, err error) {
			reads++
			from := 0
			if l.After != "" {
				_, err = fmt.Sscanf(l.After, "K%d", &from)
				require.NoError(t, err)
				from++
			}
			for i := from; i < min(from+l.Limit, len(stored)); i++ {
				page.Records = append(page.Records, store.Record{Address: store.Address{SK: fmt.Sprintf("K%03d", i)}, Value: number(i)})
			}
			if to := from + l.Limit; to < len(stored) {
				page.Next = fmt.Sprintf("K%03d", to-1)
			}
			return page, nil
		}
		var want, got []number
		for i, shown := range stored {
			if shown {
				want = append(want, number(i))
			}
		}
		in := route.Paging{Limit: rapid.IntRange(1, 20).Draw(t, "limit")}
		for {
			reads = 0
			page, err := route.PageOf(in, c, query, func(n number) (number, bool) { return n, stored[n] })
			require.NoError(t, err)
			require.LessOrEqual(t, reads, 4)
			got = append(got, page.Items...)
			if page.Next == "" {
				break
			}
			require.Len(t, page.Items, in.Limit)
			at, err := c.Key(page.Next)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("K%03d", got[len(got)-1]), at)
			in.Cursor = page.Next
		}
		require.Equal(t, want, got)
	})
}

// number is an item that is nothing but a number.
type number int

// Decode gives it.
func (n number) Decode(into any) error { *into.(*number) = n; return nil }

func TestAKeyOfAListIsOneThatTheStoreCanHave(t *testing.T) {
	c := route.NewCursors("listThings", home)
	after, err := c.Key(c.Make(strings.Repeat("x", store.MaxSKBytes)))
	require.NoError(t, err)
	require.Len(t, after, store.MaxSKBytes)
	_, err = c.Key(c.Make(strings.Repeat("x", store.MaxSKBytes+1)))
	require.True(t, fault.Is(err, fault.Malformed), "%v", err)
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

package route

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// Paging is embedded by the In of every list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor string `query:"cursor" maxLength:"2048" doc:"The next of the page before; none for the first page."`
}

// Page is the Body of every list. Next is "" at the end; a page may be short or empty and still have a Next.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"The cursor of the next page; absent at the end."`
}

// maxLook is how many items are read at once in search of some that are shown.
const maxLook = 200

// PageOf reads a page of stored items by a query, strongly consistent and oldest first unless the query turns that round. Each is
// given to show, which says how it is told, or with false that it is not. Those that are not told do not show in Next either: it is
// there where more is shown, and stands on what was shown last. So the items that are not told must be few: all may be read for a page.
func PageOf[Item, Shown any](in Paging, c Cursors, query func(store.List) (store.Page, error), show func(Item) (Shown, bool)) (p Page[Shown], err error) {
	l := store.List{Limit: in.Limit + 1, Consistency: store.Strongly}
	if l.After, err = c.Key(in.Cursor); err != nil {
		return p, err
	}
	p.Items = []Shown{}
	for last := ""; ; l.Limit = maxLook {
		stored, err := query(l)
		if err != nil {
			return p, err
		}
		for _, r := range stored.Records {
			var i Item
			if err := r.Value.Decode(&i); err != nil {
				return p, err
			}
			s, ok := show(i)
			switch {
			case !ok:
			case len(p.Items) == in.Limit:
				p.Next = c.Make(last)
				return p, nil
			default:
				p.Items, last = append(p.Items, s), r.Address.SK
			}
		}
		if l.After = stored.Next; l.After == "" {
			return p, nil
		}
	}
}

// Cursors makes and reads the cursors of one list: of an operation, by a tenant or principal, with its filters. A cursor
// is a digest over these and the sort key it stands at, followed by that sort key: another list's is refused, and none
// holds more than a position in the caller's own list. There is no secret in it: callers can read a cursor and make one. So it stands
// on what they were shown, and gives nobody more than they are shown without it.
type Cursors struct{ binding [sha256.Size]byte }

const digestLength = 12

// NewCursors binds cursors to what they may be used for: first the operation's ID, then the tenant's or principal's, then
// every parameter that changes what is listed.
func NewCursors(parts ...string) Cursors {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return Cursors{[sha256.Size]byte(h.Sum(nil))}
}

// Make gives the cursor that stands after a sort key; "" for "".
func (c Cursors) Make(after string) string {
	if after == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(c.digest(after), after...))
}

// After gives the sort key that a cursor stands after; "" for "". A cursor that Make did not make is fault.Malformed.
func (c Cursors) After(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	one := base64.RawURLEncoding.EncodeToString(b) == cursor // decoding passes over line ends
	if err == nil && one && len(b) > digestLength && utf8.Valid(b[digestLength:]) {
		if after := string(b[digestLength:]); string(b[:digestLength]) == string(c.digest(after)) {
			return after, nil
		}
	}
	return "", badCursor()
}

// Key is After for lists whose cursors stand at keys of the store: what no key can be is fault.Malformed too.
func (c Cursors) Key(cursor string) (string, error) {
	after, err := c.After(cursor)
	if len(after) > store.MaxSKBytes {
		return "", badCursor()
	}
	return after, err
}

func badCursor() error {
	return fault.New(fault.Malformed, "The cursor is not one of this list with these parameters. Start again without it.").
		At("query.cursor", "is not a cursor of this list", "").Coded(fault.InvalidCursor)
}

func (c Cursors) digest(after string) []byte {
	sum := sha256.Sum256(append(c.binding[:], after...))
	return sum[:digestLength]
}

package cost

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

// Bounds of a page. A page of many points ends before it has MaxPage groups, so that an answer stays below 6 MB.
const (
	MaxPage       = 1000
	maxPagePoints = 50_000
)

// page leaves the groups of one page and their names, and sets the cursor of the next. cursors are bound to the tenant and
// the question; a cursor stands at a number of groups of one answer, and is fault.Malformed when the costs have changed.
func (a *Answer) page(cursors route.Cursors, cursor string, limit int) error {
	at, err := cursors.After(cursor)
	if err != nil {
		return err
	}
	from := 0
	if at != "" {
		n, of, _ := strings.Cut(at, " ")
		if from, err = strconv.Atoi(n); err != nil || from < 0 || from > len(a.Groups) || of != a.digest() {
			return fault.New(fault.Malformed, "The costs have changed since the page before. Start again without the cursor.").
				At("query.cursor", "is of an answer that no longer holds", "").Coded(fault.InvalidCursor)
		}
	}
	to, points := from, 0
	for to < len(a.Groups) && to-from < limit && (to == from || points+len(a.Groups[to].Points) <= maxPagePoints) {
		points += len(a.Groups[to].Points)
		to++
	}
	if to < len(a.Groups) {
		a.Next = cursors.Make(strconv.Itoa(to) + " " + a.digest())
	}
	a.Groups = a.Groups[from:to]
	a.pruneNames()
	return nil
}

// digest tells answers apart by their groups and totals.
func (a *Answer) digest() string {
	h := sha256.New()
	for i := range a.Groups {
		g := &a.Groups[i]
		fmt.Fprintf(h, "%d %q %t\n", len(g.Key), text(g.Total), g.Other)
		for _, d := range slices.Sorted(maps.Keys(g.Key)) {
			if v := g.Key[d]; v != nil {
				fmt.Fprintf(h, "%q", *v)
			}
			fmt.Fprintln(h)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// pruneNames leaves the names of values that the groups have.
func (a *Answer) pruneNames() {
	for d, named := range a.Names {
		kept := map[string]string{}
		for i := range a.Groups {
			if v := a.Groups[i].Key[d]; v != nil && named[*v] != "" {
				kept[*v] = named[*v]
			}
		}
		a.Names[d] = kept
	}
}

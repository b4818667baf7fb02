package rollup

import (
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
)

// named are the dimensions that have display names in a column of their own.
var named = [...]struct{ id, name focus.Dim }{
	{focus.SubAccountID, focus.SubAccountName},
	{focus.BillingAccountID, focus.BillingAccountName},
	{focus.RegionID, focus.RegionName},
}

const maxNames = 200_000

// sighting is a name and the latest charge day it was seen on; none where the name is null.
type sighting[T focus.Symbol | string] struct {
	day  calendar.Day
	name T
}

func (s *sighting[T]) update(day calendar.Day, name T, greater func(a, b T) bool) {
	var null T
	if s.name == null || day > s.day || day == s.day && name != s.name && greater(name, s.name) {
		*s = sighting[T]{day, name}
	}
}

// names keeps the display names of IDs: by symbols while these hold, by texts at last.
type names struct {
	symbols *focus.Symbols
	recent  [len(named)][]sighting[focus.Symbol]
	known   [len(named)]map[string]sighting[string]
}

func (n *names) see(l *focus.Line) {
	for i := range named {
		id, name := l.Dims[named[i].id], l.Dims[named[i].name]
		if id == 0 || name == 0 {
			continue
		}
		for int(id) >= len(n.recent[i]) {
			n.recent[i] = append(n.recent[i], sighting[focus.Symbol]{})
		}
		if s := &n.recent[i][id]; s.name != name || s.day < l.Day {
			s.update(l.Day, name, func(a, b focus.Symbol) bool {
				return n.symbols.Text(named[i].name, a) > n.symbols.Text(named[i].name, b)
			})
		}
	}
}

// settle turns what is known by symbols into texts, before the symbols become void. There may be maxNames of a kind.
func (n *names) settle() error {
	for i := range named {
		if n.known[i] == nil {
			n.known[i] = map[string]sighting[string]{}
		}
		for id, s := range n.recent[i] {
			if s.name == 0 {
				continue
			}
			key := n.symbols.Text(named[i].id, focus.Symbol(id))
			name := n.symbols.Text(named[i].name, s.name)
			best := n.known[i][key]
			best.update(s.day, strings.Clone(name), func(a, b string) bool { return a > b })
			n.known[i][strings.Clone(key)] = best
		}
		n.recent[i] = nil
		if len(n.known[i]) > maxNames {
			return fault.New(fault.Invalid, "the delivery has more than %d accounts or regions: deliver fewer at a time", maxNames)
		}
	}
	return nil
}

func (n *names) of(dim focus.Dim, id string) string {
	for i := range named {
		if named[i].id == dim {
			return n.known[i][id].name
		}
	}
	return ""
}

package rollup

import "github.com/tenantry/tenantry/pkg/focus"

// projects numbers project IDs in the order they are met, and remembers which one was given to recent pairs of
// sub-account and tags.
type projects struct {
	ids     []string
	numbers map[string]uint32
	rank    ranking
	recent  []assignment // by a hash of the pair
	epoch   uint32       // of what holds in recent; never 0 in use
}

type assignment struct {
	account, tags  focus.Symbol
	project, epoch uint32
}

const recentBits = 18

// of gives the number of the project that assign tells for the pair.
func (p *projects) of(account, tags focus.Symbol, assign func() string) uint32 {
	if p.recent == nil {
		p.recent = make([]assignment, 1<<recentBits)
	}
	hash := uint64(account)*0x9e3779b97f4a7c15 + uint64(tags)*0xd6e8feb86659fd93
	a := &p.recent[hash>>(64-recentBits)]
	if a.account != account || a.tags != tags || a.epoch != p.epoch {
		*a = assignment{account, tags, p.number(assign()), p.epoch}
	}
	return a.project
}

func (p *projects) number(id string) uint32 {
	n, ok := p.numbers[id]
	if !ok {
		n = uint32(len(p.ids))
		p.ids = append(p.ids, id)
		p.numbers[id] = n
	}
	return n
}

package collect

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// room is how many bytes of JSON the connections of a run may take: an item has room for 400 KB.
	room = 256 << 10
	// longest is how many bytes of its own reason a run keeps.
	longest = 8 << 10
)

// rooms is how much each connection of a run may say, from what suffices nearly always to what thousands of them have room for.
var rooms = []struct{ reason, skipped int }{{2000, maxSkipped}, {1000, 20}, {500, 8}, {250, 3}, {120, 0}, {40, 0}, {0, 0}}

// fitting is the run as it is stored: where its connections say more than there is room for, each says less.
func (r *record) fitting() record {
	fit := *r
	fit.Reason = clip(fit.Reason, longest)
	for _, room := range rooms {
		if roomy(fit.Connections) {
			break
		}
		fit.Connections = slices.Clone(r.Connections)
		for i := range fit.Connections {
			fit.Connections[i].shorten(room.reason, room.skipped)
		}
	}
	return fit
}

func roomy(parts []Part) bool {
	b, err := json.Marshal(parts)
	return err != nil || len(b) <= room // what is no JSON the store refuses
}

// shorten leaves of what a part says so many bytes of each reason, and so many of the lists that were left out.
func (p *Part) shorten(reason, skipped int) {
	p.Reason, p.Stage = clip(p.Reason, reason), clip(p.Stage, reason)
	if more := len(p.Skipped) - skipped; more > 0 {
		p.Skipped, p.SkippedMore = p.Skipped[:skipped], p.SkippedMore+more
	}
	p.Skipped = slices.Clone(p.Skipped)
	for i := range p.Skipped {
		p.Skipped[i].Reason = clip(p.Skipped[i].Reason, reason)
	}
}

const cut = "..."

// clip gives at most so many bytes of a text, and says where there are more.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	most = max(most-len(cut), 0)
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	if most == 0 {
		return ""
	}
	return strings.TrimSpace(text[:most]) + cut
}

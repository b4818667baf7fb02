package metric

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/packed"
)

// sheet is a part of a document: series of one month and one type of resource, by columns. Texts are kept once and pointed at.
type sheet struct {
	_       struct{} `cbor:",toarray"`
	Version int
	Month   int
	Type    string
	Texts   []string   // what columns point at
	Kinds   [][3]int32 // of Texts: metric, statistic and unit
	Head    []int32    // of Texts, for each resource: its ARN up to where it is its own
	Rest    []string   // what follows in the ARN
	Counts  []int32    // how many series each resource has
	Of      []int32    // of Kinds, for each series
	Days    []uint32   // of each series: the bit 1<<(n-1) where the n-th has a value
	Digits  []byte     // of each value, in the order of series and days: its shortest decimal's digits as a varint,
	Powers  []byte     // and the power of ten that they are multiplied with
}

const (
	sheetVersion = 1
	maxSeries    = 20_000 // of a part, so that what is decoded has bounds
)

var errCorrupt = errors.New("a part of a document of metrics is not as it was written")

// encode packs series of one month and type into parts, as few as hold them. It puts them in order.
func encode(month calendar.Month, kind string, all []*Series) (parts []packed.Item, err error) {
	slices.SortFunc(all, compare)
	for some := range slices.Chunk(all, maxSeries) {
		more, err := generation.Split(some, func(some []*Series) (packed.Item, bool, error) {
			item, err := packed.Small(newSheet(month, kind, some))
			return item, false, err
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	return parts, nil
}

func newSheet(month calendar.Month, kind string, all []*Series) *sheet {
	var texts packed.Index[string]
	var kinds packed.Index[[3]int32]
	s, last := &sheet{Version: sheetVersion, Month: int(month), Type: kind}, ""
	for _, x := range all {
		if x.ARN != last || len(s.Head) == 0 {
			last = x.ARN
			cut := strings.LastIndexAny(last, ":/") + 1
			s.Head, s.Rest, s.Counts = append(s.Head, texts.Number(last[:cut])), append(s.Rest, last[cut:]), append(s.Counts, 0)
		}
		s.Counts[len(s.Counts)-1]++
		s.Of = append(s.Of, kinds.Number([3]int32{texts.Number(x.Metric), texts.Number(x.Statistic), texts.Number(x.Unit)}))
		var days uint32
		for _, p := range x.Points {
			days |= 1 << (p.Date - month.First())
			d, power := digits(p.Value)
			s.Digits, s.Powers = binary.AppendVarint(s.Digits, d), binary.AppendVarint(s.Powers, int64(power))
		}
		s.Days = append(s.Days, days)
	}
	s.Texts, s.Kinds = texts.All, kinds.All
	return s
}

// decode reads what encode has written, in its order; the error of anything else is errCorrupt, or that of unpacking.
func decode(item packed.Item) ([]*Series, error) {
	s := &sheet{}
	if err := item.Into(s); err != nil {
		return nil, fmt.Errorf("%w: %v", errCorrupt, err)
	}
	if !s.sound() {
		return nil, errCorrupt
	}
	return s.series()
}

// sound tells whether everything points at what is there.
func (s *sheet) sound() bool {
	first := calendar.Date(calendar.MinYear, 1, 1).Month()
	last := calendar.Date(calendar.MaxYear, 12, 1).Month()
	if s.Version != sheetVersion || s.Month < int(first) || s.Month > int(last) || len(s.Rest) != len(s.Head) || len(s.Counts) != len(s.Head) || len(s.Days) != len(s.Of) {
		return false
	}
	for _, k := range s.Kinds {
		if !packed.Within(k[:], len(s.Texts)) {
			return false
		}
	}
	left := len(s.Of)
	for _, n := range s.Counts {
		if n < 0 || int(n) > left {
			return false
		}
		left -= int(n)
	}
	m := calendar.Month(s.Month)
	beyond := ^uint32(0) << (m.Last() - m.First() + 1)
	return left == 0 && packed.Within(s.Head, len(s.Texts)) && packed.Within(s.Of, len(s.Kinds)) &&
		!slices.ContainsFunc(s.Days, func(days uint32) bool { return days&beyond != 0 })
}

// series gives all of a sound sheet.
func (s *sheet) series() ([]*Series, error) {
	all, first := make([]*Series, 0, len(s.Of)), calendar.Month(s.Month).First()
	values, powers := s.Digits, s.Powers
	next := func(from *[]byte) (v int64, ok bool) {
		v, n := binary.Varint(*from)
		if n > 0 {
			*from = (*from)[n:]
		}
		return v, n > 0
	}
	i := 0
	for r := range s.Head {
		arn := s.Texts[s.Head[r]] + s.Rest[r]
		for range s.Counts[r] {
			kind, days := s.Kinds[s.Of[i]], s.Days[i]
			x := &Series{ARN: arn, Type: s.Type, Metric: s.Texts[kind[0]], Statistic: s.Texts[kind[1]], Unit: s.Texts[kind[2]],
				Points: make([]Point, 0, bits.OnesCount32(days))}
			for ; days != 0; days &= days - 1 {
				d, one := next(&values)
				power, two := next(&powers)
				v, three := value(d, power)
				if !one || !two || !three {
					return nil, errCorrupt
				}
				x.Points = append(x.Points, Point{Date: first + calendar.Day(bits.TrailingZeros32(days)), Value: v})
			}
			all, i = append(all, x), i+1
		}
	}
	if len(values)+len(powers) > 0 {
		return nil, errCorrupt
	}
	return all, nil
}

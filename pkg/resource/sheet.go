package resource

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/packed"
)

// sheet is a part of a snapshot, by columns: texts that many resources share are kept once and pointed at. Times are seconds of
// Unix, 0 for none.
type sheet struct {
	_       struct{} `cbor:",toarray"`
	Version int
	Texts   []string   // what columns point at
	Pairs   [][2]int32 // of Texts: the tags there are
	Sets    [][]int32  // of Pairs: the sets of tags there are; the keys of each ascend
	Head    []int32    // of Texts: the ARN to the end of its type
	Rest    []string   // what follows in the ARN
	Name    []string   // "=" where it is Rest; with another = before it where it begins with one
	Type    []int32    // of Texts, as the next ones
	Region  []int32
	State   []int32
	Class   []int32
	Tags    []int32 // of Sets, doubled; one more where there is also the tag Name, which is the name
	Created []int64
	First   []int64
	Last    []int64
	Gone    []int64
}

const (
	sheetVersion = 1
	maxElements  = 100_000 // of an array, below what is decoded
)

var errCorrupt = errors.New("a part of a snapshot is not as it was written")

// encode packs resources of one account into parts, as few as hold them. It puts them in order.
func encode(all []Resource) ([]packed.Item, error) {
	slices.SortFunc(all, func(a, b Resource) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Region, b.Region), strings.Compare(a.ARN, b.ARN))
	})
	return generation.Split(all, func(some []Resource) (item packed.Item, tooMany bool, err error) {
		if len(some) >= maxElements {
			return item, true, nil
		}
		s := newSheet(some)
		if len(s.Texts) >= maxElements || len(s.Pairs) >= maxElements {
			return item, true, nil
		}
		item, err = packed.Small(s)
		return item, false, err
	})
}

// writer makes a sheet.
type writer struct {
	sheet
	texts packed.Index[string]
	pairs packed.Index[[2]int32]
	sets  map[string]int32
}

func newSheet(all []Resource) *sheet {
	w := &writer{sheet: sheet{Version: sheetVersion}, sets: map[string]int32{}}
	for i := range all {
		w.add(&all[i])
	}
	w.Texts, w.Pairs = w.texts.All, w.pairs.All
	return &w.sheet
}

func (w *writer) add(r *Resource) {
	head, rest := split(r.ARN)
	name := r.Name
	switch {
	case name == rest:
		name = "="
	case strings.HasPrefix(name, "="):
		name = "=" + name
	}
	w.Head, w.Rest, w.Name = append(w.Head, w.texts.Number(head)), append(w.Rest, rest), append(w.Name, name)
	w.Type, w.Region = append(w.Type, w.texts.Number(r.Type)), append(w.Region, w.texts.Number(r.Region))
	w.State, w.Class = append(w.State, w.texts.Number(r.State)), append(w.Class, w.texts.Number(r.Class))
	w.Tags = append(w.Tags, w.set(r))
	w.Created, w.First = append(w.Created, seconds(r.CreatedAt)), append(w.First, seconds(r.FirstSeenAt))
	w.Last, w.Gone = append(w.Last, seconds(r.LastSeenAt)), append(w.Gone, seconds(r.GoneAt))
}

// set gives what stands for the resource's tags.
func (w *writer) set(r *Resource) int32 {
	value, named := r.Tags["Name"]
	named = named && value == r.Name
	keys := make([]string, 0, len(r.Tags))
	for k := range r.Tags {
		if !named || k != "Name" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	set := make([]int32, len(keys))
	for i, k := range keys {
		set[i] = w.pairs.Number([2]int32{w.texts.Number(k), w.texts.Number(r.Tags[k])})
	}
	id := fmt.Sprint(set)
	n, ok := w.sets[id]
	if !ok {
		n = int32(len(w.Sets))
		w.sets[id], w.Sets = n, append(w.Sets, set)
	}
	if named {
		return 2*n + 1
	}
	return 2 * n
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func timeOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// decode reads what encode has written; the error of anything else is errCorrupt, or that of unpacking.
func decode(item packed.Item) (*sheet, error) {
	s := &sheet{}
	if err := item.Into(s); err != nil {
		return nil, fmt.Errorf("%w: %v", errCorrupt, err)
	}
	if !s.sound() {
		return nil, errCorrupt
	}
	return s, nil
}

// sound tells whether everything points at what is there.
func (s *sheet) sound() bool {
	n := len(s.Head)
	for _, l := range []int{len(s.Rest), len(s.Name), len(s.Type), len(s.Region), len(s.State), len(s.Class), len(s.Tags),
		len(s.Created), len(s.First), len(s.Last), len(s.Gone)} {
		if l != n {
			return false
		}
	}
	for _, column := range [][]int32{s.Head, s.Type, s.Region, s.State, s.Class} {
		if !packed.Within(column, len(s.Texts)) {
			return false
		}
	}
	for _, p := range s.Pairs {
		if !packed.Within(p[:], len(s.Texts)) {
			return false
		}
	}
	for _, set := range s.Sets {
		if !packed.Within(set, len(s.Pairs)) {
			return false
		}
	}
	return s.Version == sheetVersion && packed.Within(s.Tags, 2*len(s.Sets))
}

// name of a resource.
func (s *sheet) name(i int) string {
	name := s.Name[i]
	if rest, ok := strings.CutPrefix(name, "="); ok {
		if rest == "" {
			return s.Rest[i]
		}
		return rest
	}
	return name
}

func (s *sheet) arn(i int) string { return s.Texts[s.Head[i]] + s.Rest[i] }

// tags of a resource; not nil.
func (s *sheet) tags(i int) map[string]string {
	set := s.Sets[s.Tags[i]/2]
	tags := make(map[string]string, len(set)+1)
	for _, p := range set {
		pair := s.Pairs[p]
		tags[s.Texts[pair[0]]] = s.Texts[pair[1]]
	}
	if s.Tags[i]%2 == 1 {
		tags["Name"] = s.name(i)
	}
	return tags
}

// resource is one of the sheet, without its ID, project and account.
func (s *sheet) resource(i int) Resource {
	return Resource{ARN: s.arn(i), Type: s.Texts[s.Type[i]], Region: s.Texts[s.Region[i]], Name: s.name(i), State: s.Texts[s.State[i]],
		Class: s.Texts[s.Class[i]], Tags: s.tags(i), CreatedAt: timeOf(s.Created[i]), FirstSeenAt: timeOf(s.First[i]),
		LastSeenAt: timeOf(s.Last[i]), GoneAt: timeOf(s.Gone[i])}
}

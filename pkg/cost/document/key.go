package document

import "encoding/binary"

// maxRanks bounds the tuples of a group of dimensions.
const maxRanks = 1 << 60

// group gives the end of the dimensions from first on that keys are numbered by together: as many as have at most
// maxRanks tuples of indexes, but at least one. A key's rank in a group is the place of its tuple among all of them.
func group(sizes []int, first int) (end, tuples int) {
	tuples = sizes[first]
	for end = first + 1; end < len(sizes) && tuples <= maxRanks/max(sizes[end], 1); end++ {
		tuples *= sizes[end]
	}
	return end, tuples
}

// appendTo appends the dictionaries of what a range of keys uses, then for each group of dimensions the keys' ranks:
// less the rank of the key before where both are alike in all groups before, so that what is sorted are small numbers.
// size is the bytes of all texts.
func (k *keys) appendTo(head []byte, from, to int) (out []byte, size int) {
	places, sizes := make([][]uint32, len(k.texts)), make([]int, len(k.texts))
	for d := range k.texts {
		ids, grown := []uint32(nil), 0
		ids, places[d] = k.texts[d].order(k.ids[d][from:to])
		sizes[d] = len(ids)
		head, grown = k.texts[d].appendTo(head, ids)
		size += grown
	}
	alike := allAlike(to - from)
	for first, end := 0, 0; first < len(sizes); first = end {
		end, _ = group(sizes, first)
		before := 0
		for i := range alike {
			rank := 0
			for d := first; d < end; d++ {
				rank = rank*sizes[d] + int(places[d][k.ids[d][from+i]])
			}
			code := rank
			if alike[i] {
				code -= before
				alike[i] = code == 0
			}
			head = binary.AppendUvarint(head, uint64(code))
			before = rank
		}
	}
	return head, size
}

// allAlike is what holds before the first group: every key but the first is alike to the one before so far.
func allAlike(keys int) []bool {
	alike := make([]bool, keys)
	for i := range alike {
		alike[i] = i > 0
	}
	return alike
}

// readKeys reads what appendTo writes. By their form keys cannot descend.
func (p *Part) readKeys(r *reader, dims, keys int) {
	if dims == 0 || keys == 0 || keys > maxIndexes/dims {
		r.fail("%d keys of %d dimensions", keys, dims)
	}
	if !r.has(dims, 2) {
		return
	}
	p.dicts, p.index = make([]vocabulary, dims), make([][]uint32, dims)
	sizes := make([]int, dims)
	for d := range p.dicts {
		p.dicts[d] = r.vocabulary()
		sizes[d] = len(p.dicts[d].texts)
	}
	if !r.has(keys, 1) {
		return
	}
	alike, all := allAlike(keys), make([]uint32, keys*dims)
	for d := range p.index {
		p.index[d] = all[d*keys : (d+1)*keys : (d+1)*keys]
	}
	for first, end := 0, 0; first < dims; first = end {
		tuples, rank := 0, 0
		end, tuples = group(sizes, first)
		for i := range alike {
			code := r.number(maxRanks)
			if alike[i] {
				alike[i] = code == 0
				code += rank
			}
			if rank = code; rank >= tuples {
				r.fail("key %d of %d", rank, tuples)
				return
			}
			p.setIndexes(i, rank, sizes[first:end], first)
		}
	}
	for i := range alike {
		if alike[i] {
			r.fail("key %d twice", i)
			return
		}
	}
}

// setIndexes splits a rank into the indexes of a key in the dimensions of a group, first and on.
func (p *Part) setIndexes(key, rank int, sizes []int, first int) {
	for d := len(sizes) - 1; d > 0; d-- {
		p.index[first+d][key] = uint32(rank % sizes[d])
		rank /= sizes[d]
	}
	p.index[first][key] = uint32(rank)
}

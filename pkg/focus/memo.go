package focus

// memo turns the values of a chunk into Ts, those of a dictionary once each. Null is the zero T.
type memo[T any] struct {
	*chunk
	kind[T]
	refused T // stands for a value that kind refuses

	known  []T // by dictionary index
	state  []memoState
	epoch  int // of the dictionary
	last   []byte
	lastT  T
	isLast bool
}

type memoState uint8

const (
	unknown memoState = iota
	good
	bad
)

// kind is how the values of a column are read.
type kind[T any] struct {
	read func(cell []byte) (T, string) // or what is wrong with it
	show func(cell []byte) []byte      // as text
}

// forget drops what was made of values before.
func (m *memo[T]) forget() {
	m.isLast = false
	clear(m.state)
}

// fill reads the next len(out) values, at most batchLines. It calls wrong for each that is refused.
func (m *memo[T]) fill(out []T, wrong func(i int, value []byte, reason string)) error {
	for done := 0; done < len(out); {
		n, err := m.rows(len(out) - done)
		if err != nil {
			return err
		}
		if n == 0 {
			return errDamaged // fewer values than rows
		}
		if !m.some(out[done:done+n], func(i int, cell []byte, reason string) { wrong(done+i, m.show(cell), reason) }) {
			return errDamaged
		}
		m.take(n)
		done += n
	}
	return nil
}

// some reads values of one page.
func (m *memo[T]) some(out []T, wrong func(i int, cell []byte, reason string)) bool {
	defs, present, highest := m.defs[:len(out)], len(out), uint32(m.node.def)
	if highest > 0 {
		if !m.def.read(defs) {
			return false
		}
		present = 0
		for _, d := range defs {
			if d == highest {
				present++
			}
		}
	}
	indexes := m.indexes[:present]
	if m.indexed && !m.index.read(indexes) {
		return false
	}
	if m.epoch != m.chunk.epoch {
		m.epoch = m.chunk.epoch
		m.known = append(m.known[:0], make([]T, len(m.starts))...)
		m.state = append(m.state[:0], make([]memoState, len(m.starts))...)
	}
	k := 0
	for i := range out {
		if highest > 0 && defs[i] != highest {
			var null T
			out[i] = null
			continue
		}
		reason, cell, ok := "", []byte(nil), true
		if m.indexed {
			out[i], cell, reason, ok = m.indexedValue(indexes[k])
			k++
		} else if cell, ok = m.cell(); ok {
			out[i], reason = m.value(cell)
		}
		if !ok {
			return false
		}
		if reason != "" {
			wrong(i, cell, reason)
		}
	}
	return true
}

func (m *memo[T]) indexedValue(x uint32) (v T, cell []byte, reason string, ok bool) {
	if int(x)+1 >= len(m.state) {
		return v, nil, "", false
	}
	if m.state[x] == good {
		return m.known[x], nil, "", true
	}
	cell = m.entry(x)
	v, reason = m.value(cell)
	if m.state[x] = good; reason != "" {
		m.state[x] = bad
	}
	m.known[x] = v
	return v, cell, reason, true
}

func (m *memo[T]) value(cell []byte) (T, string) {
	if m.isLast && string(m.last) == string(cell) {
		return m.lastT, ""
	}
	v, reason := m.read(cell)
	if reason != "" {
		return m.refused, reason
	}
	m.last, m.lastT, m.isLast = append(m.last[:0], cell...), v, true
	return v, ""
}

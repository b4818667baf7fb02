package export

import "time"

// Zipper is a zipper for tests in the external package.
type Zipper struct{ z *zipper }

// NewZipper begins an archive that goes to out.
func NewZipper(at time.Time, out func([]byte) error) (Zipper, error) {
	z, err := newZipper(packed{}, at, out)
	return Zipper{z}, err
}

// Again makes another zipper of the state of the first.
func (z Zipper) Again(at time.Time, out func([]byte) error) (Zipper, error) {
	state, err := z.z.state()
	if err != nil {
		return z, err
	}
	next, err := newZipper(state, at, out)
	return Zipper{next}, err
}

// The methods of a zipper.
func (z Zipper) Begin(name string) error        { return z.z.begin(name) }
func (z Zipper) Write(b []byte) (int, error)    { return z.z.Write(b) }
func (z Zipper) Unit(lines int64) (bool, error) { return z.z.unit(lines) }
func (z Zipper) End() error                     { return z.z.end() }
func (z Zipper) Close() (string, error)         { return z.z.close() }
func (z Zipper) Stretch(at, packed, bytes int64) {
	e := z.z.current()
	e.At, e.Packed, e.Bytes = e.At+at, packed, bytes
}

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/tenantry/tenantry/pkg/observe"
)

// What a reader fetches and holds. A first read at a place fetches a small window; where reading goes on behind it, windows
// double up to the largest, and the next one is fetched ahead. Reading many columns at once has as many streams, which
// share the budget.
const (
	smallest = 256 << 10
	largest  = 8 << 20
	budget   = 64 << 20
	tries    = 3 // of a body that breaks off; the SDK repeats the rest
)

// fetcher gives exactly n bytes at off.
type fetcher func(ctx context.Context, off, n int64) ([]byte, error)

// reader reads an object in windows.
type reader struct {
	ctx   context.Context
	stop  context.CancelFunc
	size  int64
	tag   string
	fetch fetcher

	mu      sync.Mutex
	windows []*window // least recently used first
}

// window is a range of the object that is fetched or being fetched.
type window struct {
	off, n int64
	goesOn bool // reading came here from the window before
	done   chan struct{}
	data   []byte
	err    error
}

func newReader(ctx context.Context, size int64, tag string, fetch fetcher) *reader {
	ctx, stop := context.WithCancel(ctx)
	return &reader{ctx: ctx, stop: stop, size: size, tag: tag, fetch: fetch}
}

// Size is the object's size in bytes when it was opened.
func (r *reader) Size() int64 { return r.size }

// Tag is the object's ETag when it was opened.
func (r *reader) Tag() string { return r.tag }

// Close ends reads that are under way and frees the windows.
func (r *reader) Close() error {
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.windows = nil
	return nil
}

// ReadAt reads as io.ReaderAt says; it is safe for concurrent use.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read at a negative offset")
	}
	read := 0
	for read < len(p) {
		if off >= r.size {
			return read, io.EOF
		}
		w := r.window(off, int64(len(p)-read))
		select {
		case <-w.done:
		case <-r.ctx.Done():
			return read, r.ctx.Err()
		}
		if w.err != nil {
			return read, w.err
		}
		n := copy(p[read:], w.data[off-w.off:])
		read, off = read+n, off+int64(n)
	}
	return read, nil
}

// window gives the window that holds off, fetching it where there is none, and has the next one fetched ahead where
// reading has gone on from an earlier window and come half way through this one.
func (r *reader) window(off, want int64) *window {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.find(off)
	if w == nil {
		w = r.start(off, want)
	}
	if i := r.endingAt(w.off); i >= 0 {
		r.windows = slices.Delete(r.windows, i, i+1)
		w.goesOn = true
	}
	if end := w.off + w.n; w.goesOn && off >= w.off+w.n/2 && end < r.size && r.find(end) == nil {
		r.start(end, 0)
	}
	return w
}

// find gives the window that holds off and makes it the most recently used; nil where there is none.
func (r *reader) find(off int64) *window {
	i := slices.IndexFunc(r.windows, func(w *window) bool { return w.off <= off && off < w.off+w.n })
	if i < 0 {
		return nil
	}
	w := r.windows[i]
	r.windows = append(slices.Delete(r.windows, i, i+1), w)
	return w
}

func (r *reader) endingAt(off int64) int {
	return slices.IndexFunc(r.windows, func(w *window) bool { return w.off+w.n == off })
}

// start begins to fetch a window at off: the double of the one before it, or what is wanted, within the budget's share.
func (r *reader) start(off, want int64) *window {
	if i := r.endingAt(off); i >= 0 {
		want = max(want, 2*r.windows[i].n)
	}
	share := budget / int64(len(r.windows)+2)
	n := min(max(want, smallest), max(min(share, largest), smallest), r.size-off)
	r.evict(n)
	w := &window{off: off, n: n, done: make(chan struct{})}
	r.windows = append(r.windows, w)
	go r.fill(w)
	return w
}

// evict forgets the least recently used windows until n bytes more are within the budget.
func (r *reader) evict(n int64) {
	for _, w := range r.windows {
		n += w.n
	}
	for n > budget && len(r.windows) > 0 {
		n -= r.windows[0].n
		r.windows = slices.Delete(r.windows, 0, 1)
	}
}

// fill fetches the window; one that failed is forgotten, so that the next read tries again.
func (r *reader) fill(w *window) {
	defer close(w.done)
	w.data, w.err = r.fetch(r.ctx, w.off, w.n)
	if w.err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.windows = slices.DeleteFunc(r.windows, func(other *window) bool { return other == w })
}

// get fetches a range of the object as it was when it was opened.
func (f *Files) get(ctx context.Context, client *s3.Client, key string, etag *string, off, n int64) ([]byte, error) {
	in := &s3.GetObjectInput{
		Bucket: &f.bucket, Key: &key, IfMatch: etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1)),
	}
	data := make([]byte, n)
	for try := 1; ; try++ {
		out, err := client.GetObject(ctx, in, func(o *s3.Options) {
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired // a range has none
		})
		if err != nil {
			return nil, failed("read a file", err)
		}
		_, err = io.ReadFull(out.Body, data)
		if err = errors.Join(err, out.Body.Close()); err == nil {
			observe.In(ctx).Read(n)
			return data, nil
		}
		if try == tries || ctx.Err() != nil {
			return nil, failed("read a file", err)
		}
	}
}

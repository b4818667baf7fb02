package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

// Path is what all upload addresses begin with.
const Path = "/uploads/"

// ServeHTTP takes a file: PUT /uploads/<token> with exactly the bytes that the address is for, whatever their type or
// encoding. The file is there whole or not at all; a later PUT to the same address replaces it.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !route.Takes(w, r, http.MethodPut) {
		return
	}
	if err := f.upload(w, r); err != nil {
		f.Log.WarnContext(r.Context(), "upload failed", "error", err)
		route.Fail(w, err)
	}
}

func (f *Files) upload(w http.ResponseWriter, r *http.Request) error {
	g, err := verify(f.secret, strings.TrimPrefix(r.URL.Path, Path), f.Clock())
	if err != nil {
		return err
	}
	if r.ContentLength >= 0 {
		if err := checkSize(r.ContentLength, g.size); err != nil {
			return err
		}
	}
	if err := f.admit(r.Context(), g.key); err != nil {
		return err
	}
	temp := f.incoming()
	if err := f.receive(w, r, temp, g.size); err != nil {
		return errors.Join(err, ignoreMissing(f.root.Remove(temp)))
	}
	if err := f.admit(r.Context(), g.key); err != nil {
		return errors.Join(err, ignoreMissing(f.root.Remove(temp)))
	}
	if err := f.place(temp, g.key); err != nil {
		err = errors.Join(err, ignoreMissing(f.root.Remove(temp)))
		return fault.Wrap(err, fault.Unavailable, "the file could not be stored: send it again")
	}
	if err := f.Uploaded(r.Context(), g.key, g.size); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the file could not be queued: send it again")
	}
	return nil
}

func (f *Files) admit(ctx context.Context, key string) error {
	if f.Admit == nil {
		return nil
	}
	return f.Admit(ctx, key)
}

// receive writes the request's body to a new file and has the disk keep it.
func (f *Files) receive(w http.ResponseWriter, r *http.Request, temp string, size int64) (err error) {
	file, err := f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the file could not be stored: try again later")
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	least := time.Duration(size/slowest) * time.Second
	body := &patient{body: r.Body, control: http.NewResponseController(w), stall: f.Stall, until: time.Now().Add(enough*f.Stall + least)}
	n, err := io.Copy(file, io.LimitReader(body, size+1))
	switch {
	case errors.Is(body.err, os.ErrDeadlineExceeded):
		return fault.Wrap(body.err, fault.Malformed, "nothing arrived for %s, or in all less than %d bytes a second: send the file again", f.Stall, slowest)
	case body.err != nil:
		return fault.Wrap(body.err, fault.Malformed, "the upload broke off after %d bytes: send the file again", n)
	case err != nil:
		return fault.Wrap(err, fault.Unavailable, "the file could not be stored: is the disk full?")
	}
	if err := checkSize(n, size); err != nil {
		return err
	}
	return f.flush(file)
}

// flush has the disk keep what was written.
func (f *Files) flush(file *os.File) error {
	if f.NoSync {
		return nil
	}
	return file.Sync()
}

func checkSize(got, want int64) error {
	if got > want {
		return fault.New(fault.TooLarge, "The import declared %d bytes and the upload has more. Begin an import of the right size.", want)
	}
	if got < want {
		return fault.New(fault.Invalid, "The import declared %d bytes and the upload has %d. Begin an import of the right size.", want, got)
	}
	return nil
}

// place moves a file to its key and has the disk keep every folder on the way there.
func (f *Files) place(temp, key string) error {
	if err := f.root.MkdirAll(path.Dir(key), 0o700); err != nil {
		return fmt.Errorf("make the delivery's folder: %w", err)
	}
	if err := f.root.Rename(temp, key); err != nil {
		return fmt.Errorf("place a file: %w", err)
	}
	for dir := path.Dir(key); ; dir = path.Dir(dir) {
		if err := f.sync(dir); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
	}
}

func (f *Files) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return fmt.Errorf("open a folder: %w", err)
	}
	return errors.Join(f.flush(d), d.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// A file has to arrive in enough stalls and the time that it takes at the slowest rate, bytes a second.
const (
	enough  = 30
	slowest = 32 << 10
)

// patient reads a body for as long as something arrives within each stall, until a time at most, and keeps the error that ended it.
type patient struct {
	body    io.Reader
	control *http.ResponseController
	stall   time.Duration
	until   time.Time
	err     error
}

func (p *patient) Read(b []byte) (int, error) {
	by := time.Now().Add(p.stall)
	if by.After(p.until) {
		by = p.until
	}
	_ = p.control.SetReadDeadline(by) // not every connection has deadlines
	n, err := p.body.Read(b)
	if err != nil && err != io.EOF {
		p.err = err
	}
	return n, err
}

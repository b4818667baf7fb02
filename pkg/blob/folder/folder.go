// Package folder keeps the files of deliveries in a local folder, where a bucket would have them, and takes their uploads
// over HTTP as S3 does with a presigned address.
package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Names in the root, beside tenants/.
const (
	incoming   = "incoming" // uploads under way
	secretFile = "secret"
	secretSize = 32
)

// Options of a folder. Root, Clock, Random, Uploaded and Log are needed.
type Options struct {
	Root   string // made where absent
	Clock  func() time.Time
	Random io.Reader
	Stall  time.Duration // an upload that sends nothing for so long is given up; a minute where 0
	// Uploaded is told of every whole file, by its object key and bytes, before the upload is answered. Its error
	// fails the upload, and the client may send it again.
	Uploaded func(ctx context.Context, key string, size int64) error
	// Admit is asked whether a file may still come, by its object key, before it comes and before it is kept: an address lasts
	// longer than what it is for. Its error is the answer. May be nil.
	Admit  func(ctx context.Context, key string) error
	Log    *slog.Logger
	NoSync bool // for tests: do not wait for the disk
}

// Files is a delivery.Files, and the http.Handler of the addresses that it gives out. It is safe for concurrent use.
type Files struct {
	Options
	root    *os.Root
	secret  []byte
	uploads atomic.Int64 // names unfinished uploads
}

var _ delivery.Files = (*Files)(nil)

// Open opens the folder and removes what uploads of an earlier process left unfinished. One process may have it open.
func Open(o Options) (*Files, error) {
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if err := os.MkdirAll(o.Root, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, fmt.Errorf("open the folder of files: %w", err)
	}
	f := &Files{Options: o, root: root}
	if err := f.prepare(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

func (f *Files) prepare() (err error) {
	if err := f.root.RemoveAll(incoming); err != nil {
		return fmt.Errorf("remove unfinished uploads: %w", err)
	}
	if err := f.root.Mkdir(incoming, 0o700); err != nil {
		return fmt.Errorf("make the folder of uploads: %w", err)
	}
	f.secret, err = f.loadSecret()
	return err
}

// loadSecret reads the secret that signs addresses, or makes it: addresses outlive a restart.
func (f *Files) loadSecret() ([]byte, error) {
	secret, err := f.root.ReadFile(secretFile)
	if err == nil && len(secret) == secretSize {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the secret of upload addresses: %w", err)
	}
	secret = make([]byte, secretSize)
	if _, err := io.ReadFull(f.Random, secret); err != nil {
		return nil, fmt.Errorf("make the secret of upload addresses: %w", err)
	}
	if err := f.root.WriteFile(secretFile, secret, 0o600); err != nil {
		return nil, fmt.Errorf("keep the secret of upload addresses: %w", err)
	}
	return secret, nil
}

// Close lets the folder go; files that were opened stay open.
func (f *Files) Close() error { return f.root.Close() }

// UploadURL gives an address relative to the server's, "/uploads/<token>".
func (f *Files) UploadURL(_ context.Context, s *tenant.Scope, name string, size int64, expires time.Duration) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	if size <= 0 || size > delivery.MaxFile {
		return "", fault.New(fault.Invalid, "A file has 1 to %d bytes.", int64(delivery.MaxFile))
	}
	g := grant{key: key, size: size, expires: f.Clock().Add(expires)}
	return Path + g.sign(f.secret), nil
}

// Open opens a file. What is open stays as it is when the file is replaced or removed.
func (f *Files) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "the file has not been uploaded")
	}
	if err != nil {
		return nil, fmt.Errorf("open a file: %w", err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fault.Wrap(err, fault.NotFound, "there is no such file"), file.Close())
	}
	return &opened{file, info, observe.In(ctx)}, nil
}

type opened struct {
	*os.File
	info fs.FileInfo
	line *observe.Line
}

// ReadAt reads, and tells the line of what the file was opened in.
func (o *opened) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.File.ReadAt(p, off)
	o.line.Read(int64(n))
	return n, err
}

// Size is the file's size in bytes when it was opened.
func (o *opened) Size() int64 { return o.info.Size() }

// Tag is when the file was written: every upload is a file of its own that is renamed into its place.
func (o *opened) Tag() string { return o.info.ModTime().UTC().Format(time.RFC3339Nano) }

// Remove removes a file and the folder of its delivery once that is empty.
func (f *Files) Remove(_ context.Context, s *tenant.Scope, name string) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	if err := f.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a file: %w", err)
	}
	_ = f.root.Remove(path.Dir(key)) // fails while other files are in it, as it should
	return nil
}

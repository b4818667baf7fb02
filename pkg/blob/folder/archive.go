package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var _ export.Files = (*Files)(nil)

// Begin makes the folder of a file's parts, beside where the file will be, in the place of what was begun before.
func (f *Files) Begin(_ context.Context, s *tenant.Scope, name string) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.root.RemoveAll(key+parts), f.root.MkdirAll(key+parts, 0o700)); err != nil {
		return "", unkept(err)
	}
	return "parts", nil
}

const parts = ".parts"

// Part keeps a part in a file of its own.
func (f *Files) Part(ctx context.Context, s *tenant.Scope, name, _ string, n int, body []byte) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	dir := key + parts
	if _, err := f.root.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", gone(err)
	}
	if err := f.keep(ctx, path.Join(dir, strconv.Itoa(n)), body); err != nil {
		return "", err
	}
	return tagOf(sha256.Sum256(body)), nil
}

func tagOf(sum [sha256.Size]byte) string { return hex.EncodeToString(sum[:8]) }

// keep writes a file whole, beside its place first.
func (f *Files) keep(ctx context.Context, key string, body []byte) error {
	temp := f.incoming()
	file, err := f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unkept(err)
	}
	_, err = file.Write(body)
	if err = errors.Join(err, f.flush(file), file.Close()); err == nil {
		err = f.place(temp, key)
	}
	if err != nil {
		return unkept(errors.Join(err, ignoreMissing(f.root.Remove(temp))))
	}
	observe.In(ctx).Wrote(int64(len(body)))
	return nil
}

// incoming names a file that is not whole yet.
func (f *Files) incoming() string {
	return path.Join(incoming, strconv.FormatInt(f.uploads.Add(1), 10))
}

// Finish joins the parts.
func (f *Files) Finish(ctx context.Context, s *tenant.Scope, name, writing string, tags []string) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	dir := key + parts
	temp := f.incoming()
	if err := f.join(temp, dir, tags); err != nil {
		return errors.Join(err, ignoreMissing(f.root.Remove(temp)))
	}
	if err := f.place(temp, key); err != nil {
		return unkept(err)
	}
	return f.Drop(ctx, s, name, writing)
}

func (f *Files) join(temp, dir string, tags []string) (err error) {
	file, err := f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unkept(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for i, tag := range tags {
		body, err := f.root.ReadFile(path.Join(dir, strconv.Itoa(i+1)))
		if errors.Is(err, fs.ErrNotExist) || err == nil && tagOf(sha256.Sum256(body)) != tag {
			return gone(err)
		}
		if err != nil {
			return unkept(err)
		}
		if _, err := file.Write(body); err != nil {
			return unkept(err)
		}
	}
	return f.flush(file)
}

// Drop removes the parts.
func (f *Files) Drop(_ context.Context, s *tenant.Scope, name, _ string) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	if err := f.root.RemoveAll(key + parts); err != nil {
		return fmt.Errorf("remove the parts of a file: %w", err)
	}
	return nil
}

// Put keeps a small file.
func (f *Files) Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	return f.keep(ctx, key, body)
}

// Get reads a small file.
func (f *Files) Get(ctx context.Context, s *tenant.Scope, name string) ([]byte, error) {
	file, err := f.Open(ctx, s, name)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
	return body, errors.Join(err, file.Close())
}

func gone(cause error) error {
	return fault.Wrap(cause, fault.NotFound, "what was written of the file is gone")
}

func unkept(cause error) error {
	return fault.Wrap(cause, fault.Unavailable, "the file could not be stored: is the disk full?")
}

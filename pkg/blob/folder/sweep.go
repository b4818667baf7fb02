package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Left counts the tenant's files.
func (f *Files) Left(_ context.Context, s *tenant.Scope) (n int, err error) {
	dir, err := blob.Folder(s)
	if err != nil {
		return 0, err
	}
	err = fs.WalkDir(f.root.FS(), dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return n, fmt.Errorf("count files: %w", err)
	}
	return n, nil
}

// Sweep removes all files of the tenant, and its folder, and tells how many files it were.
func (f *Files) Sweep(ctx context.Context, s *tenant.Scope) (int, error) {
	n, err := f.Left(ctx, s)
	if err != nil {
		return 0, err
	}
	dir, err := blob.Folder(s)
	if err != nil {
		return 0, err
	}
	if err := f.root.RemoveAll(dir); err != nil {
		return 0, fmt.Errorf("remove files: %w", err)
	}
	if err := f.sync(path.Dir(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	return n, nil
}

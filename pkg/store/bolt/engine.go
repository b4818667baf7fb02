// Package bolt is the embedded engine: one file, ordered and atomic, durable when a call returns, and metered as if it
// were DynamoDB. It is how the platform runs on one machine, and what its tests run on.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/tenantry/tenantry/pkg/store"
)

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = 2 * time.Second

// Options of Open.
type Options struct {
	Clock  func() time.Time // what items expire by; nil: time.Now
	NoSync bool             // answers before the disk has it, for tests and benchmarks
}

// Engine is an open file. It is a store.Engine.
type Engine struct {
	db    *bbolt.DB
	clock func() time.Time
}

var _ store.Engine = (*Engine)(nil)

// Open opens the file at path, making it where there is none. One process can have it open at a time.
func Open(path string, o Options) (*Engine, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, NoSync: o.NoSync, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another process has it open", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if err := errors.Join(db.Update(makeBuckets), syncFolder(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &Engine{db: db, clock: o.Clock}, nil
}

// Close waits for the calls under way and closes the file.
func (e *Engine) Close() error { return e.db.Close() }

func makeBuckets(tx *bbolt.Tx) error {
	for _, t := range store.Tables {
		if _, err := tx.CreateBucketIfNotExists([]byte(t)); err != nil {
			return err
		}
	}
	_, err := tx.CreateBucketIfNotExists(expiryBucket)
	return err
}

// syncFolder makes a new file's name as durable as its contents.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// view runs a function on a snapshot.
func (e *Engine) view(ctx context.Context, do func(*state) error) error {
	return e.run(ctx, e.db.View, do)
}

// update runs a function in the one transaction that may write, and sweeps.
func (e *Engine) update(ctx context.Context, do func(*state) error) error {
	return e.run(ctx, e.db.Update, func(s *state) error {
		if err := do(s); err != nil {
			return err
		}
		return s.sweep()
	})
}

func (e *Engine) run(ctx context.Context, in func(func(*bbolt.Tx) error) error, do func(*state) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed error
	err := in(func(tx *bbolt.Tx) error {
		if failed = ctx.Err(); failed == nil {
			failed = do(&state{tx: tx, now: e.clock()})
		}
		return failed
	})
	if err != nil && failed == nil {
		return fmt.Errorf("bolt: %v: %w", err, store.ErrUnavailable)
	}
	return failed
}

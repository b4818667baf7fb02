package store

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// Store opens handles. Features hold it and never an engine.
type Store struct {
	engineOf  func(tenant.ID) (Engine, error)
	directory Engine
}

// New makes a Store whose tenants share one engine.
func New(e Engine) *Store {
	return &Store{engineOf: func(tenant.ID) (Engine, error) { return e, nil }, directory: e}
}

// NewPerTenant makes a Store whose tenants' engines carry credentials of their own; engineOf fails closed.
func NewPerTenant(directory Engine, engineOf func(tenant.ID) (Engine, error)) *Store {
	return &Store{engineOf: engineOf, directory: directory}
}

// Tenant is a handle on the items of one tenant, and of no other.
type Tenant struct {
	id     tenant.ID
	engine Engine
}

// Tenant opens the handle of the scope's tenant; the zero Scope opens nothing.
func (s *Store) Tenant(scope *tenant.Scope) (*Tenant, error) {
	id := scope.Tenant()
	if _, err := tenant.ParseID(string(id)); err != nil {
		return nil, fmt.Errorf("open a tenant: no scope: %w", ErrDenied)
	}
	e, err := s.engineOf(id)
	if err != nil {
		return nil, fmt.Errorf("open a tenant: %w", err)
	}
	return &Tenant{id: id, engine: Guard(e, id)}, nil
}

// Change is one operation of a Write or Load on a tenant's items.
type Change struct {
	Action    Action
	Key       Key
	Value     any
	ExpiresAt time.Time
	Condition Condition
}

// Get reads items in the order asked; nil where there is none.
func (t *Tenant) Get(ctx context.Context, c Consistency, keys ...Key) ([]*Record, error) {
	at := make([]Address, len(keys))
	for i, k := range keys {
		at[i] = t.address(k)
	}
	return t.engine.Get(ctx, at, c)
}

// Read fills into from one item, strongly consistent, and gives its version: 0 where there is none.
func (t *Tenant) Read(ctx context.Context, k Key, into any) (int64, error) {
	r, err := t.Get(ctx, Strongly, k)
	if err != nil || r[0] == nil {
		return 0, err
	}
	return r[0].Version, r[0].Value.Decode(into)
}

// List is how a span is read.
type List struct {
	After       string // sort key, exclusive
	Reverse     bool
	Limit       int
	Consistency Consistency
	Expired     bool // also what has expired and is still stored
}

// Query reads one page of a span.
func (t *Tenant) Query(ctx context.Context, s Span, l List) (Page, error) {
	at := t.address(s.from)
	return t.engine.Query(ctx, Range{Table: at.Table, PK: at.PK, From: at.SK, To: s.to.sort,
		After: l.After, Reverse: l.Reverse, Limit: l.Limit, Consistency: l.Consistency, Expired: l.Expired})
}

// Write does all changes or none. A row of the audit log is put where there is none, else ErrDenied.
func (t *Tenant) Write(ctx context.Context, changes ...Change) error {
	if err := appends(changes); err != nil {
		return err
	}
	return t.engine.Write(ctx, t.ops(changes))
}

// Load does all changes in no order and not atomically. It puts no rows of the audit log: ErrDenied.
func (t *Tenant) Load(ctx context.Context, changes []Change) error {
	if err := appends(changes); err != nil {
		return err
	}
	return t.engine.Load(ctx, t.ops(changes))
}

// appends lets nothing pass that could overwrite a row of the audit log.
func appends(changes []Change) error {
	for _, c := range changes {
		if c.Key.table == AuditTable && c.Action == Put && c.Condition != Absent {
			return fmt.Errorf("put a row of the audit log over what is there: %w", ErrDenied)
		}
	}
	return nil
}

// Add adds to counters of one item; ErrDenied for a row of the audit log.
func (t *Tenant) Add(ctx context.Context, k Key, by map[string]int64, expires time.Time) (map[string]int64, error) {
	if k.table == AuditTable {
		return nil, fmt.Errorf("add to a row of the audit log: %w", ErrDenied)
	}
	return t.engine.Add(ctx, t.address(k), by, expires)
}

func (t *Tenant) ops(changes []Change) []Op {
	ops := make([]Op, len(changes))
	for i, c := range changes {
		ops[i] = Op{Action: c.Action, Address: t.address(c.Key), Value: c.Value, ExpiresAt: c.ExpiresAt, Condition: c.Condition}
	}
	return ops
}

func (t *Tenant) address(k Key) Address {
	return Address{Table: k.table, PK: prefixOf(t.id) + k.part, SK: k.sort}
}

// Directory is a handle on the directory table.
type Directory struct{ engine Engine }

// Directory opens the directory. Only identity and the control plane may; a test over the imports holds this.
func (s *Store) Directory() *Directory { return &Directory{s.directory} }

// DirectoryChange is one operation on the directory.
type DirectoryChange struct {
	Action    Action
	Key       DirectoryKey
	Value     any
	ExpiresAt time.Time
	Condition Condition
}

// Read fills into from one item, strongly consistent, and gives its version: 0 where there is none.
func (d *Directory) Read(ctx context.Context, k DirectoryKey, into any) (int64, error) {
	r, err := d.engine.Get(ctx, []Address{{DirectoryTable, k.pk, k.sk}}, Strongly)
	if err != nil || r[0] == nil {
		return 0, err
	}
	return r[0].Version, r[0].Value.Decode(into)
}

// Query reads one page of a span.
func (d *Directory) Query(ctx context.Context, s DirectorySpan, l List) (Page, error) {
	return d.engine.Query(ctx, Range{Table: DirectoryTable, PK: s.pk, From: s.from, To: s.to,
		After: l.After, Reverse: l.Reverse, Limit: l.Limit, Consistency: l.Consistency, Expired: l.Expired})
}

// Write does all changes or none.
func (d *Directory) Write(ctx context.Context, changes ...DirectoryChange) error {
	return d.engine.Write(ctx, d.ops(changes))
}

// WriteAudited does all changes or none, and the row of the audit log of the scope's tenant with them, last.
func (d *Directory) WriteAudited(ctx context.Context, scope *tenant.Scope, row Change, changes ...DirectoryChange) error {
	id := scope.Tenant()
	if _, err := tenant.ParseID(string(id)); err != nil || row.Key.table != AuditTable || row.Action != Put {
		return fmt.Errorf("write the directory: no scope, or no row of the audit log: %w", ErrDenied)
	}
	if err := appends([]Change{row}); err != nil {
		return err
	}
	t := Tenant{id: id}
	return d.engine.Write(ctx, append(d.ops(changes), t.ops([]Change{row})...))
}

func (d *Directory) ops(changes []DirectoryChange) []Op {
	ops := make([]Op, len(changes))
	for i, c := range changes {
		ops[i] = Op{Action: c.Action, Address: Address{DirectoryTable, c.Key.pk, c.Key.sk}, Value: c.Value,
			ExpiresAt: c.ExpiresAt, Condition: c.Condition}
	}
	return ops
}

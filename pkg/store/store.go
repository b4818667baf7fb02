// Package store is the storage seam: five methods that DynamoDB (store/dynamo) and an embedded engine (store/bolt)
// implement alike, the keys of every entity, and the handles that features get instead of an engine.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Table is one of the four tables; engines map it to a name.
type Table string

// The tables, split by trust boundary.
const (
	DirectoryTable Table = "directory"
	CoreTable      Table = "core"
	CostTable      Table = "cost"
	AuditTable     Table = "audit"
)

// Tables lists all four.
var Tables = []Table{DirectoryTable, CoreTable, CostTable, AuditTable}

// Limits that both engines keep, so that what works on one works on the other.
const (
	MaxWrite   = 100       // operations of one Write
	MaxItem    = 400 << 10 // bytes of an item as DynamoDB counts them
	MaxPKBytes = 2048
	MaxSKBytes = 1024
)

// Address is where an item is: the partition and sort key as the engine has them.
type Address struct {
	Table  Table
	PK, SK string
}

// Consistency of a read.
type Consistency bool

// Strongly sees every write that was answered before; Eventually may not, and costs half.
const (
	Strongly   Consistency = true
	Eventually Consistency = false
)

// Record is an item that was read.
type Record struct {
	Address   Address
	Version   int64     // 1 from the first write; the engine counts it up with every conditional write
	ExpiresAt time.Time // zero: never
	Value     Decoder
}

// Decoder gives the stored struct. Both engines read the field names from json tags.
type Decoder interface {
	// Decode fills into, a pointer to a struct of the type that was stored; unknown attributes are passed over.
	Decode(into any) error
}

// Range is a key range of one partition: From <= sort key <= To, both inclusive.
type Range struct {
	Table       Table
	PK          string
	From, To    string
	After       string // exclusive start, in the direction of reading; "" from the beginning
	Reverse     bool
	Limit       int // at most this many records; 0: as many as a page of 1 MB holds
	Consistency Consistency
	Expired     bool // also those that have expired and are still stored, for what takes everything away
}

// Page is a part of a range. Next is "" at the end, else the After of the next page; a page may be short or empty and
// still have a Next.
type Page struct {
	Records []Record
	Next    string
}

// Action is what an Op does.
type Action int

// The actions. Check only evaluates the condition.
const (
	Put Action = iota
	Delete
	Check
)

// Condition is what must hold of the item for an Op to happen. The zero Condition asks nothing.
type Condition struct {
	kind    ConditionKind
	version int64
}

// ConditionKind tells conditions apart, for engines.
type ConditionKind int

// The kinds of conditions, for engines.
const (
	IfAny ConditionKind = iota
	IfAbsent
	IfPresent
	IfVersion
)

// Absent holds where there is no item, or only an expired one.
var Absent = Condition{kind: IfAbsent}

// Present holds where there is an item that has not expired.
var Present = Condition{kind: IfPresent}

// VersionIs holds where there is an item of version n that has not expired; n = 0 is Absent.
func VersionIs(n int64) Condition {
	if n == 0 {
		return Absent
	}
	return Condition{kind: IfVersion, version: n}
}

// Kind and version of the condition, for engines.
func (c Condition) Kind() (ConditionKind, int64) { return c.kind, c.version }

// Op is one operation of a Write or Load. A Put stores Value, a struct with json tags whose fields are strings,
// integers, booleans, []byte, encoding.TextMarshalers, times, and slices, string-keyed maps and structs of these; the names
// pk, sk, version and expiresAt are the engine's.
// Put sets the version: after VersionIs(n) n+1, after Absent 1; after Present the present one + 1; without condition 1.
type Op struct {
	Action    Action
	Address   Address
	Value     any
	ExpiresAt time.Time // zero: never; whole seconds
	Condition Condition
}

// Engine is the seam. All methods are safe for concurrent use, honour ctx, and report to the Meter in ctx what
// DynamoDB charges for them. An expired item is as good as absent in every method, but
// in a Query that asks for such. Errors are those of this package;
// ErrUnavailable and ErrThrottled may be returned although the change was made ("failed but written").
type Engine interface {
	// Get reads any number of items, in the order asked; nil where there is none. An address twice is answered twice.
	Get(ctx context.Context, at []Address, c Consistency) ([]*Record, error)
	// Query reads one page of a range.
	Query(ctx context.Context, r Range) (Page, error)
	// Write does 1 to MaxWrite operations, all or none, each address once. One operation is a plain conditional call, several
	// are a transaction. Where conditions do not hold it returns *ConditionError and changes nothing.
	Write(ctx context.Context, ops []Op) error
	// Load does any number of Puts and Deletes without conditions, not atomically, in any order (of one address twice the
	// last counts), repeating what the engine leaves undone; on an error any part of them may have been done, and doing
	// all of them again is right.
	Load(ctx context.Context, ops []Op) error
	// Add adds to integer attributes of one item atomically, making item (of version 1) and attributes (from 0) where
	// absent, and gives the attributes' new values. Version and expiry are left alone; expires, if not zero, is set. After
	// ErrThrottled nothing was added; after ErrUnavailable it may have been.
	Add(ctx context.Context, at Address, by map[string]int64, expires time.Time) (map[string]int64, error)
}

// What engines return beside *ConditionError and ctx's error; anything else is a defect.
var (
	ErrThrottled   = errors.New("the store is throttling")
	ErrUnavailable = errors.New("the store is unavailable")
	ErrTooLarge    = errors.New("an item is over 400 KB, a key too long or a transaction over 4 MB")
	ErrDenied      = errors.New("the store denies access")
)

// ConditionError names the operations of a Write whose conditions did not hold, ascending. Contended is set where
// another transaction was under way on the items, and nothing is known of the conditions.
type ConditionError struct {
	Failed    []int
	Contended bool
}

// Error names the operations.
func (e *ConditionError) Error() string {
	if e.Contended {
		return "another transaction is under way"
	}
	return fmt.Sprintf("conditions of operations %v do not hold", e.Failed)
}

// Conflicted gives the ConditionError in err's chain, nil where there is none.
func Conflicted(err error) *ConditionError {
	var c *ConditionError
	if errors.As(err, &c) {
		return c
	}
	return nil
}

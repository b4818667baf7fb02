package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Key is where an item of a tenant is, relative to the tenant: only a handle of that tenant makes an address of it.
// Keys are built in this file and its neighbours key_cost.go and key_directory.go alone.
type Key struct {
	table Table
	part  string // what follows T#<tenant> in the partition key: "" or "#..."
	sort  string
}

// Sort is the sort key, for cursors.
func (k Key) Sort() string { return k.sort }

// Meta is the tenant itself.
func Meta() Key { return core("META") }

// Roster is the tenant's projects in one item: what rules and queries need of all of them at once.
func Roster() Key { return core("ROSTER") }

// Head is the one item that says which generation of each source and period counts.
func Head() Key { return core("HEAD") }

// Project is a project.
func Project(id tenant.ProjectID) Key { return core("PROJECT#" + string(id)) }

// Projects is all projects, oldest first.
func Projects() Span { return prefix(core("PROJECT#")) }

// Delivery is a delivery of cost files.
func Delivery(id tenant.DeliveryID) Key { return core("DELIVERY#" + string(id)) }

// Deliveries is all deliveries, oldest first.
func Deliveries() Span { return prefix(core("DELIVERY#")) }

// DeliveriesBefore is the List.After at which Deliveries in reverse go on with those made before a time.
func DeliveriesBefore(t time.Time) string {
	var first ulid.ULID
	_ = first.SetTime(ulid.Timestamp(t))
	return Delivery(tenant.DeliveryID("imp_" + first.String())).sort
}

// Cover is who holds what of a billing period.
func Cover(period calendar.Month) Key { return core("COVER#" + period.String()) }

// Idempotency is the outcome of a request that carried an Idempotency-Key.
func Idempotency(operation, key string) Key {
	return core("IDEM#" + operation + "#" + digest(key))
}

// TagKeys is the tag keys that the tenant keeps.
func TagKeys() Key { return core("TAGKEYS") }

// Announced is what the tenant has announced of imports on a UTC day.
func Announced(day calendar.Day) Key { return core("ANNOUNCED#" + day.String()) }

// Usage is the tenant's meter of a UTC day.
func Usage(day calendar.Day) Key { return core("USAGE#" + day.String()) }

// Usages is the tenant's meters of the days from first to last.
func Usages(first, last calendar.Day) Span { return Span{Usage(first), Usage(last)} }

// UsageDay is the day of an item among Usages.
func UsageDay(at Address) (calendar.Day, error) {
	return calendar.ParseDay(strings.TrimPrefix(at.SK, "USAGE#"))
}

// Rate is how many of a minute's requests are taken.
func Rate(minute time.Time) Key { return core("RATE#" + minute.UTC().Format("2006-01-02T15:04")) }

// KeyUse is when an API key was last used.
func KeyUse(id tenant.KeyID) Key { return core("KEYUSE#" + string(id)) }

// Export is an export of all that the tenant has.
func Export(id tenant.ExportID) Key { return core("EXPORT#" + string(id)) }

// Exports is all exports, oldest first.
func Exports() Span { return prefix(core("EXPORT#")) }

// Connection is a connection to an AWS account.
func Connection(id tenant.ConnectionID) Key { return core("CONNECTION#" + string(id)) }

// Connections is all connections, oldest first.
func Connections() Span { return prefix(core("CONNECTION#")) }

// Fetch is what was fetched last of a kind through a connection, or is being fetched.
func Fetch(id tenant.ConnectionID, kind string) Key {
	return core("FETCH#" + string(id) + "#" + kind)
}

// Fetches is all of that of a connection.
func Fetches(id tenant.ConnectionID) Span { return prefix(core("FETCH#" + string(id) + "#")) }

// CostBook is what is known of a connection's costs by Cost Explorer.
func CostBook(id tenant.ConnectionID) Key { return core("COSTBOOK#" + string(id)) }

// DataExports is what is known of the exports of AWS Data Exports of a connection.
func DataExports(id tenant.ConnectionID) Key { return core("DATAEXPORTS#" + string(id)) }

// Collected is what collection has spent in a UTC month.
func Collected(m calendar.Month) Key { return core("COLLECTED#" + m.String()) }

// Inventory is the one item that says which generation of each account's resources counts.
func Inventory() Key { return core("INVENTORY") }

// Inventoried is what a generation of an account's resources puts into projects, and takes away, until that is done.
func Inventoried(account, gen string) Key {
	return core("INVENTORY#" + escape(account) + "#" + gen)
}

// AllInventoried is all of that of an account, oldest first.
func AllInventoried(account string) Span { return prefix(Inventoried(account, "")) }

// Measured says which generation of an account's metrics of a month counts.
func Measured(m calendar.Month, account string) Key {
	return core("MEASURED#" + m.String() + "#" + escape(account))
}

// AllMeasured is all of that of a month, by account.
func AllMeasured(m calendar.Month) Span { return prefix(core("MEASURED#" + m.String() + "#")) }

// EverMeasured is all of that of all months, oldest first.
func EverMeasured() Span { return prefix(core("MEASURED#")) }

// MeasureBook says how far the metrics of an account are collected.
func MeasureBook(account string) Key { return core("MEASUREBOOK#" + escape(account)) }

// Measuring is what a generation of an account's metrics puts into projects, and takes away, until that is done.
func Measuring(account, gen string) Key {
	return core("MEASURING#" + escape(account) + "#" + gen)
}

// AllMeasuring is all of that of an account, oldest first.
func AllMeasuring(account string) Span { return prefix(Measuring(account, "")) }

// Invoice is what was invoiced of a billing account, whose ID may be any text, in a billing period.
func Invoice(period calendar.Month, billingAccount string) Key {
	return core("INVOICE#" + period.String() + "#" + digest(billingAccount))
}

// Invoices is all of that, of the oldest billing period first.
func Invoices() Span { return prefix(core("INVOICE#")) }

// InvoicesOf is all of that of one billing period.
func InvoicesOf(period calendar.Month) Span {
	return prefix(core("INVOICE#" + period.String() + "#"))
}

// ExportBook says which export is under way, and how many were begun on a day.
func ExportBook() Key { return core("EXPORTBOOK") }

// Job is long work of a kind.
func Job(kind, id string) Key { return core("JOB#" + kind + "#" + id) }

// Schedule is what was set of when a kind of a project's data is collected.
func Schedule(p tenant.ProjectID, kind string) Key {
	return core("SCHEDULE#" + string(p) + "#" + kind)
}

// Schedules is all that was set of schedules.
func Schedules() Span { return prefix(core("SCHEDULE#")) }

// AuditRow is a row of the audit log, by the month and ULID that it was made at.
func AuditRow(id ulid.ULID) Key {
	at := ulid.Time(id.Time()).UTC()
	return Key{table: AuditTable, part: "#A#" + at.Format("2006-01"), sort: id.String()}
}

// AuditRows is the rows of a month of the audit log from one time to another, both inclusive to the millisecond.
func AuditRows(month calendar.Month, from, to time.Time) Span {
	part := "#A#" + month.String()
	var first, last ulid.ULID
	_, _ = first.SetTime(ulid.Timestamp(from)), last.SetTime(ulid.Timestamp(to))
	_ = last.SetEntropy(bytes.Repeat([]byte{0xff}, 10))
	return Span{Key{AuditTable, part, first.String()}, Key{AuditTable, part, last.String()}}
}

// Span is a range of sort keys in one partition of a tenant.
type Span struct{ from, to Key }

// highest is above every sort key that there is.
const highest = "\U0010FFFF"

// Everything is all partitions that a tenant with those projects can have, with rows of the audit log of the months from first to
// until, each whole. What is in none of them is not erased with the tenant: a test holds that every Key is in one.
func Everything(projects []tenant.ProjectID, first, until calendar.Month) (all []Span) {
	whole := func(k Key) { all = append(all, Span{k, Key{k.table, k.part, highest}}) }
	for _, p := range projects {
		whole(ofProject(p, ""))
	}
	for m := first; m <= until; m++ {
		whole(Key{AuditTable, "#A#" + m.String(), ""})
	}
	whole(core(""))
	return all
}

// Table is the one that the span is of.
func (s Span) Table() Table { return s.from.table }

// Here is the key of a record that a Query of the span has given.
func (s Span) Here(r Record) Key { return Key{s.from.table, s.from.part, r.Address.SK} }

func core(sort string) Key { return Key{table: CoreTable, sort: sort} }

func prefix(k Key) Span {
	to := k
	to.sort += highest
	return Span{k, to}
}

// escape leaves no '#' in a part of a key.
func escape(s string) string { return url.QueryEscape(s) }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

func prefixOf(id tenant.ID) string { return "T#" + string(id) }

// within tells whether a partition key belongs to the tenant: its prefix whole, or followed by '#'.
func within(id tenant.ID, pk string) bool {
	rest, ok := strings.CutPrefix(pk, prefixOf(id))
	return ok && id != "" && (rest == "" || rest[0] == '#')
}

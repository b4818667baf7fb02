package delivery

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Deposit is a delivery that the platform itself makes of what it has collected; rules split it.
type Deposit struct {
	Source      string            // its whole name, as ce:con_...
	ID          tenant.DeliveryID // of one whose files lie under their Names already; "" where Files have them
	Format      string            // "" for csv
	Key         string            // of its content, within the source: what was deposited under a key is not deposited again
	Files       []DepositFile
	Periods     map[calendar.Month]Period // what is known of billing periods beside their lines
	AllowShrink bool
	With        []store.Change // goes into the transaction that makes the delivery
}

// DepositFile is a file: CSV, which may be gzip-compressed, or Parquet.
type DepositFile struct {
	Name string
	Body []byte
	Size int64 // of one that lies there already
}

// size is the file's, wherever it lies.
func (f *DepositFile) size() int64 { return max(f.Size, int64(len(f.Body))) }

// Period is what a Deposit says of a billing period.
type Period struct {
	Final     bool         `json:"final,omitempty"`     // nothing more will come
	Estimated bool         `json:"estimated,omitempty"` // the provider calls some of it an estimate
	Through   calendar.Day `json:"through,omitempty"`   // the last day that was asked about, whether there was a charge on it or not
	Provided  *Provided    `json:"provided,omitempty"`  // the provider's own totals
	Agrees    bool         `json:"-"`                   // those are the sums of the lines
}

// Provided are a provider's own totals of a billing period.
type Provided struct {
	Currency      string       `json:"currency"`
	BilledCost    money.Amount `json:"billedCost"`
	EffectiveCost money.Amount `json:"effectiveCost"`
}

// deposited remembers a Deposit by its key.
type deposited struct {
	ID tenant.DeliveryID `json:"id"`
}

// kept is how long a Deposit is remembered after it was made: longer than any message that asks for it again.
const kept = 60 * day

const deposit = "deposit" // in the audit log

// Deposit makes a delivery, puts its files in place and closes it, and gives its ID. Done again, whole or after a part of it, it makes no
// second one. What of With does not hold is a *store.ConditionError, and nothing is made.
func (s *Service) Deposit(ctx context.Context, scope *tenant.Scope, d Deposit) (tenant.DeliveryID, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return "", err
	}
	id, err := s.register(ctx, scope, t, &d)
	if err != nil {
		return "", err
	}
	var r record
	version, err := t.Read(ctx, store.Delivery(id), &r)
	if err != nil {
		return "", err
	}
	if version == 0 {
		return "", fault.New(fault.NotFound, noSuch)
	}
	if r.Status == Awaiting {
		for i, f := range d.Files {
			if d.ID != "" {
				break
			}
			if err := s.Files.Put(ctx, scope, Name(id, i), f.Body); err != nil {
				return "", err
			}
		}
		if err := s.shut(ctx, scope, t, id); err != nil {
			return "", err
		}
	} else if r.Status != Queued {
		return id, nil
	}
	return id, s.Queue.Send(ctx, Message{Kind: Closed, Tenant: scope.Tenant(), Delivery: id})
}

// register makes the delivery, or gives the one that was made under the key.
func (s *Service) register(ctx context.Context, scope *tenant.Scope, t *store.Tenant, d *Deposit) (tenant.DeliveryID, error) {
	key := store.Idempotency(deposit, d.Source+"\x00"+d.Key)
	var before deposited
	if _, err := t.Read(ctx, key, &before); err != nil || before.ID != "" {
		return before.ID, err
	}
	now := s.Clock().UTC()
	id := d.ID
	if id == "" {
		var err error
		if id, err = tenant.NewDeliveryID(now, s.Random); err != nil {
			return "", err
		}
	}
	r := record{Delivery: Delivery{ID: id, Source: d.Source, Format: cmp.Or(d.Format, "csv"), AllowShrink: d.AllowShrink, Status: Awaiting, CreatedAt: now}, Periods: d.Periods}
	for _, f := range d.Files {
		r.Files = append(r.Files, Upload{Name: f.Name, SizeBytes: f.size()})
	}
	row, err := s.row(ctx, scope, audit.Event{Target: target(id), Operation: deposit, After: tell(&r.Delivery)})
	if err != nil {
		return "", err
	}
	return id, t.Write(ctx, append(slices.Clone(d.With), store.Change{Key: key, Value: deposited{id}, Condition: store.Absent, ExpiresAt: now.Add(kept)},
		store.Change{Key: store.Delivery(id), Value: r, Condition: store.Absent}, row)...)
}

// shut closes a delivery whose files are all in place. News of files may come at the same time.
func (s *Service) shut(ctx context.Context, scope *tenant.Scope, t *store.Tenant, id tenant.DeliveryID) error {
	for attempt := range maxTries {
		if err := breathe(ctx, attempt); err != nil {
			return err
		}
		var r record
		version, err := t.Read(ctx, store.Delivery(id), &r)
		if err != nil || r.Status != Awaiting {
			return err
		}
		before, there := tell(&r.Delivery), r.arrived()
		for i := range r.Files {
			r.Files[i].Received = true
		}
		s.queue(&r)
		err = s.write(ctx, scope, &r, version, audit.Event{Operation: deposit, Before: before})
		if err == nil {
			s.imported(scope, r.arrived()-there, 0)
		}
		if store.Conflicted(err) == nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "Too many changes at once. Try again.")
}

// Outcome tells how a delivery stands, and of a failed one why. It is fault.NotFound where there is none.
func (s *Service) Outcome(ctx context.Context, scope *tenant.Scope, id tenant.DeliveryID) (Status, string, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return "", "", err
	}
	var r record
	version, err := t.Read(ctx, store.Delivery(id), &r)
	if err == nil && version == 0 {
		err = fault.New(fault.NotFound, noSuch)
	}
	return r.Status, r.Error, err
}

package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// reign is what an attempt reads by: rules and kept tag keys as they were at its beginning.
type reign struct {
	roster  project.Roster
	tagKeys []string
}

// read reads the delivery and makes its costs count.
func (r *reading) read(ctx context.Context, again bool) error {
	started := r.service.Clock()
	rec := &r.delivery
	var now reign
	var err error
	if now.roster, _, err = project.Read(ctx, r.tenant); err != nil {
		return err
	}
	if now.tagKeys, _, err = readTagKeys(ctx, r.tenant); err != nil {
		return err
	}
	now.tagKeys = cost.KeysOf(rec.Source, now.tagKeys)
	gen, err := ulid.New(ulid.Timestamp(started), r.service.Random)
	if err != nil {
		return err
	}
	r.meter.all = rec.bytes()
	r.meter.stage.Store("reading")
	if err := r.lease.write(ctx, func(rec *record) {
		rec.Work.Gen, rec.Work.Settle = gen.String(), false
		if !again {
			rec.Status, rec.Progress = Running, r.meter.progress()
		}
	}); err != nil {
		return err
	}
	in := &intake{reading: r, now: now, again: again, held: map[cost.Holding]cost.CoverAccount{}, origin: map[cost.Holding]cost.Origin{},
		symbols: focus.NewSymbols()}
	defer in.close()
	lines, err := in.all(ctx)
	if err != nil || lines == nil {
		return err
	}
	return r.replace(ctx, in, lines, gen.String(), again)
}

// replace prepares, loads and commits.
func (r *reading) replace(ctx context.Context, in *intake, lines *rollup.Result, gen string, again bool) error {
	rec := &r.delivery
	rep := &cost.Replacement{Tenant: r.tenant, Delivery: rec.ID, Gen: gen, Source: rec.Source, TagKeys: in.now.tagKeys,
		AllowShrink: rec.AllowShrink || again, Dir: r.service.Temp, Lines: lines,
		Origin: func(account string, p calendar.Month) cost.Origin {
			return in.origin[cost.Holding{BillingAccount: account, Period: p}]
		},
		Loading: func(int, int) error { return r.lease.held() }, Stays: in.stays, Rules: in.now.roster.Rules}
	defer rep.Close()
	if rec.Maker.Limited && !again { // what is read again takes nothing more
		rep.Sees = rec.Maker.Sees
	}
	r.meter.stage.Store("preparing")
	changes, err := rep.Prepare(ctx)
	for _, c := range changes {
		r.concerns = union(r.concerns, c.Concerns)
	}
	switch {
	case errors.Is(err, money.ErrOverflow):
		return fault.Wrap(err, fault.Invalid, "The sums of the delivery, with what its source holds else, are out of range: more than 20 digits "+
			"before the point. Nothing of it is stored.")
	case errors.Is(err, document.ErrTooLarge):
		return fault.Wrap(err, fault.Invalid, "A line of the delivery has texts or days too many to be stored together. Nothing of it is stored.")
	case err != nil:
		return err
	}
	r.meter.stage.Store("loading")
	if err := r.lease.held(); err != nil {
		return err
	}
	if err := rep.Load(ctx); err != nil {
		return err
	}
	result, err := newResult(changes, rep.Documents())
	if err != nil {
		return err
	}
	if err := r.commit(ctx, in, rep, result); err != nil {
		return err
	}
	if !again {
		r.service.imported(r.scope, 0, result.Lines)
	}
	return r.follow(ctx, in)
}

// commit makes the costs count and the delivery succeed in one transaction.
func (r *reading) commit(ctx context.Context, in *intake, rep *cost.Replacement, result *Result) error {
	now := r.service.Clock().UTC()
	before, after := told{Status: Running}, told{Status: Succeeded}
	e := audit.Event{Target: target(r.delivery.ID), Operation: ended}
	if in.again {
		before.Status, e.Operation = Succeeded, rebuilt
	}
	after.summarize(result)
	e.Before, e.After = before, after
	row, err := r.service.row(ctx, r.scope, e)
	if err != nil {
		return err
	}
	if _, err := organization.Work(ctx, r.service.Store, r.scope.Tenant(), "ingest"); err != nil {
		return err // it rests since this began: it is read again when that is over
	}
	return r.lease.writeWith(ctx, func(rec *record) {
		rec.Work.Settle = true
		if !in.again {
			rec.Status, rec.FinishedAt, rec.Progress, rec.Result = Succeeded, &now, nil, result
			rec.Tags, rec.Concerns = in.tags, r.concerns
		}
		rec.Unreadable = in.why
	}, func(own store.Change) error { return rep.Commit(ctx, append([]store.Change{own, row}, in.left...)...) })
}

// follow asks for what was delivered to be read again where rules or tag keys changed while it was read: whoever changed
// them either saw what was committed here, or is seen here.
func (r *reading) follow(ctx context.Context, in *intake) error {
	roster, _, err := project.Read(ctx, r.tenant)
	if err != nil {
		return err
	}
	keys, _, err := readTagKeys(ctx, r.tenant)
	if err != nil {
		return err
	}
	split := r.delivery.ProjectID == "" && roster.Rules != in.now.roster.Rules
	if !split && slices.Equal(cost.KeysOf(r.delivery.Source, keys), in.now.tagKeys) {
		return nil
	}
	return r.service.Queue.Send(ctx, Message{Kind: Rebuild, Tenant: r.scope.Tenant(), Delivery: r.delivery.ID})
}

// intake feeds lines to the rollup and keeps in mind whose they are.
type intake struct {
	*reading
	now     reign
	again   bool
	held    map[cost.Holding]cost.CoverAccount // what the source holds of the periods that were seen
	origin  map[cost.Holding]cost.Origin       // whose each billing account and period is that has been read
	tags    []string                           // of the delivery's own files
	symbols *focus.Symbols
	builder *rollup.Builder
	why     string         // the delivery itself cannot be read again
	stays   []cost.Holding // what cannot be
	left    []store.Change // notes that other deliveries cannot be
}

func (in *intake) close() {
	if in.builder != nil {
		in.builder.Close()
	}
}

// all reads the delivery's files, then again those of older deliveries whose lines of the same periods stay but were
// split by other rules or kept other tag keys. nil where nothing is to be done.
func (in *intake) all(ctx context.Context) (*rollup.Result, error) {
	rec := &in.delivery
	var only map[cost.Holding]bool
	if in.again {
		var err error
		if only, err = in.stale(ctx); err != nil || len(only) == 0 {
			return nil, err
		}
	}
	in.builder = rollup.New(rollup.Config{Dir: in.service.Temp, Symbols: in.symbols, TagKeys: in.now.tagKeys, Views: cost.ViewsOf(rec.Source),
		Assign: in.assign(&rec.Delivery)})
	why := ""
	if in.again {
		var err error
		if why, err = in.unreadable(ctx, rec); err != nil {
			return nil, err
		}
	}
	if why != "" {
		in.leave(why, rec.ID, only)
	} else if err := in.files(ctx, rec, only); err != nil {
		return nil, err
	}
	if len(in.origin) == 0 && why == "" {
		return nil, fault.New(fault.Invalid, "The delivery has no lines. Nothing was changed.")
	}
	if err := in.along(ctx); err != nil {
		return nil, err
	}
	return in.builder.Finish()
}

// along reads again what stays of other deliveries in the periods that were read, or leaves it as it is where that cannot be.
func (in *intake) along(ctx context.Context) error {
	others, err := in.others(ctx)
	if err != nil {
		return err
	}
	for id, only := range others {
		var other record
		version, err := in.tenant.Read(ctx, store.Delivery(id), &other)
		if err != nil {
			return err
		}
		why, err := in.unreadable(ctx, &other)
		if err != nil {
			return err
		}
		if why == "" {
			in.builder.Reassign(in.assign(&other.Delivery))
			err = in.files(ctx, &other, only)
		} else if in.leave(why, id, only); version > 0 && other.Unreadable != why {
			other.Unreadable = why
			in.left = append(in.left, store.Change{Key: store.Delivery(id), Value: other, Condition: store.VersionIs(version)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unreadable tells why a delivery that was read cannot be read again, "" where it can.
func (in *intake) unreadable(ctx context.Context, d *record) (string, error) {
	for i := range d.Files {
		f, err := in.service.Files.Open(ctx, in.scope, Name(d.ID, i))
		if fault.Is(err, fault.NotFound) {
			return fmt.Sprintf("File %d is not there any more.", i), nil
		}
		if err != nil {
			return "", err
		}
		tag := f.Tag()
		if err := f.Close(); err != nil {
			return "", err
		}
		if i < len(d.Tags) && d.Tags[i] != tag {
			return fmt.Sprintf("File %d was replaced after it was read.", i), nil
		}
	}
	return "", nil
}

// leave leaves what a delivery holds as it is.
func (in *intake) leave(why string, id tenant.DeliveryID, held map[cost.Holding]bool) {
	in.service.Log.Warn("a delivery cannot be read again", "tenant", in.scope.Tenant(), "delivery", id, "reason", why)
	in.stays = slices.AppendSeq(in.stays, maps.Keys(held))
	if id == in.delivery.ID {
		in.why = why
	}
}

// assign gives the projects of a delivery's lines: the one it is aimed at, or by the rules.
func (in *intake) assign(d *Delivery) func(subAccountID, tags string) string {
	if d.ProjectID != "" {
		return func(string, string) string { return string(d.ProjectID) }
	}
	rules := in.now.roster.Assigner()
	return func(sub, tags string) string {
		return string(rules.Assign(sub, func(key string) string { return focus.TagValues(tags, []string{key}, nil)[0] }))
	}
}

// stale gives what the delivery still holds, where some of it was read by other rules or tag keys than today's.
func (in *intake) stale(ctx context.Context) (map[cost.Holding]bool, error) {
	rec := &in.delivery
	held, err := cost.Holdings(ctx, in.tenant, rec.Source, nil)
	if err != nil {
		return nil, err
	}
	only, old := map[cost.Holding]bool{}, false
	for h, a := range held {
		if a.Delivery == rec.ID {
			only[h] = true
			old = old || in.now.outdated(&a)
		}
	}
	if !old {
		return nil, nil
	}
	return only, nil
}

func (now *reign) outdated(a *cost.CoverAccount) bool {
	return !slices.Equal(a.TagKeys, now.tagKeys) || a.Rules != cost.Aimed && a.Rules != now.roster.Rules
}

// others gives, by delivery, what stays in the periods that were read and is outdated.
func (in *intake) others(ctx context.Context) (map[tenant.DeliveryID]map[cost.Holding]bool, error) {
	var periods []calendar.Month
	for h := range in.origin {
		if !slices.Contains(periods, h.Period) {
			periods = append(periods, h.Period)
		}
	}
	for _, h := range in.stays {
		if !slices.Contains(periods, h.Period) {
			periods = append(periods, h.Period)
		}
	}
	held, err := cost.Holdings(ctx, in.tenant, in.delivery.Source, periods)
	if err != nil {
		return nil, err
	}
	all := map[tenant.DeliveryID]map[cost.Holding]bool{}
	for h, a := range held {
		if _, read := in.origin[h]; read || slices.Contains(in.stays, h) || !in.now.outdated(&a) {
			continue
		}
		if all[a.Delivery] == nil {
			all[a.Delivery] = map[cost.Holding]bool{}
		}
		all[a.Delivery][h] = true
	}
	return all, nil
}

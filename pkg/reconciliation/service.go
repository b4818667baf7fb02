package reconciliation

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on reconciliations. All fields are needed.
type Service struct {
	Store *store.Store
	Clock func() time.Time
	Audit audit.Log
	Costs *cost.Service
}

const doc = "Ours is BilledCost of the sources that count, of the billing account and billing period (corrections of earlier days among it, as the invoice has " +
	"them), by issuer, currency and charge category, exact; the residual is the invoice less ours. The ETag is of what was said of invoices: ours " +
	"is as of now."

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, tag = "/v1/tenants/{tenantId}/reconciliations", "Costs"
	const one = all + "/{billingAccountId}/{month}"
	at := At{BillingAccountID: "111122223333", Month: "2026-01"}
	return []route.Operation{
		route.ForTenant(route.Spec{ID: "listReconciliations", Method: "GET", Path: all, Permission: tenant.ReadCost, Reach: route.Whole, Function: route.API, Tag: tag,
			Summary: "List reconciliations", Doc: "What was said of invoices, the newest billing period first, and how ours stands to it by currency. By issuer and charge " +
				"category, each itself tells.", Example: listIn{Paging: route.Paging{Limit: 12}, Month: "2026-01"}}, s.list),
		route.ForTenant(route.Spec{ID: "getReconciliation", Method: "GET", Path: one, Permission: tenant.ReadCost, Reach: route.Whole, Function: route.API, Tag: tag,
			Summary: "Hold costs against invoices", Doc: doc + " Before anything was said of invoices it answers ours alone.", Example: getIn{At: at}}, s.get),
		route.ForTenant(route.Spec{ID: "putReconciliation", Method: "PUT", Path: one, Permission: tenant.WriteDelivery, Reach: route.Whole, Function: route.API, Tag: tag,
			Summary: "Say what was invoiced", Doc: doc + " It takes the place of all that was said before of the billing account and period. There must be " +
				"costs of it, counted or not.", Fails: []fault.Kind{fault.NotFound},
			Example: putIn{At: at, Body: Statement{Invoices: []Invoice{{Issuer: "Amazon Web Services, Inc.", InvoiceID: "2147483647", Currency: "USD", Amount: "1234.56",
				Categories: []Category{{"Tax", "34.56"}, {"Usage", "1200"}}}}, Note: "January"}}}, s.put),
		route.ForTenant(route.Spec{ID: "deleteReconciliation", Method: "DELETE", Path: one, Permission: tenant.WriteDelivery, Reach: route.Whole, Function: route.API, Tag: tag,
			Summary: "Take back what was said of invoices", Doc: "Costs stay as they are.", Example: deleteIn{At: at}}, s.remove),
	}
}

// At is the path of one reconciliation.
type At struct {
	BillingAccountID string `path:"billingAccountId" doc:"BillingAccountId of the costs, percent-encoded." example:"111122223333"`
	Month            string `path:"month" maxLength:"32" doc:"The billing period, yyyy-mm." example:"2026-01"`
}

type getIn struct{ At }

type putIn struct {
	At
	route.IfMatch
	Body Statement
}

type deleteIn struct {
	At
	route.IfMatch
}

type out struct {
	ETag string `header:"ETag"`
	Body Reconciliation
}

// place is a reconciliation that a request is about.
type place struct {
	scope   *tenant.Scope
	tenant  *store.Tenant
	account string
	month   calendar.Month
	said    Invoiced
	version int64 // 0 where nothing was said
}

func (s *Service) at(ctx context.Context, scope *tenant.Scope, in At) (p *place, err error) {
	p = &place{scope: scope, account: in.BillingAccountID}
	if p.month, err = parseMonth("path.month", in.Month); err != nil {
		return nil, err
	}
	if p.tenant, err = s.Store.Tenant(scope); err != nil {
		return nil, err
	}
	return p, p.read(ctx)
}

func (p *place) key() store.Key { return store.Invoice(p.month, p.account) }

func (p *place) read(ctx context.Context) (err error) {
	p.said = Invoiced{}
	if p.version, err = p.tenant.Read(ctx, p.key(), &p.said); err != nil {
		return fmt.Errorf("read what was invoiced: %w", err)
	}
	return nil
}

func parseMonth(at, text string) (calendar.Month, error) {
	m, err := calendar.ParseMonth(text)
	if err != nil || m.String() != text {
		return 0, fault.New(fault.Invalid, "The month is none: it is the billing period as yyyy-mm, of %d to %d, as 2026-01.", calendar.MinYear, calendar.MaxYear).
			At(at, "is yyyy-mm, as 2026-01", text)
	}
	return m, nil
}

func none() error {
	return fault.New(fault.NotFound, "There are no costs of this billing account in this billing period, and nothing was said of invoices. Costs come by connections (GET connections), with "+
		"each run, or are imported (POST imports). Check that the ID is BillingAccountId as the costs have it: GET dimensions/billingAccountId/values lists them.")
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*out, error) {
	p, err := s.at(ctx, scope, in.At)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, p)
}

// answer holds both sides against each other.
func (s *Service) answer(ctx context.Context, p *place) (*out, error) {
	b, err := s.Costs.Bill(ctx, p.scope, p.account, p.month)
	if err != nil {
		return nil, err
	}
	if len(b.Sources) == 0 && p.version == 0 {
		return nil, none()
	}
	o := &out{ETag: route.ETag(p.version), Body: Reconciliation{BillingAccountID: p.account, Month: p.month, Invoices: []Invoice{}}}
	if r := &o.Body; p.version > 0 {
		r.Invoices, r.Note, r.CreatedAt, r.UpdatedAt = p.said.Invoices, p.said.Note, &p.said.CreatedAt, &p.said.UpdatedAt
	}
	return o, o.Body.fill(b)
}

const attempts = 5

func (s *Service) put(ctx context.Context, scope *tenant.Scope, in *putIn) (*out, error) {
	p, err := s.at(ctx, scope, in.At)
	if err != nil {
		return nil, err
	}
	if p.version == 0 {
		held, err := s.Costs.BillTotals(ctx, scope, []cost.Billing{{Account: p.account, Period: p.month}})
		if err != nil {
			return nil, err
		}
		if !held[0].Held {
			return nil, none()
		}
	}
	said, err := in.Body.checked()
	if err != nil {
		return nil, err
	}
	for range attempts {
		if err := in.Check(p.version); err != nil {
			return nil, err
		}
		if p.version > 0 && p.said.equal(said) {
			return s.answer(ctx, p)
		}
		now := s.Clock().UTC().Truncate(time.Millisecond)
		next := Invoiced{BillingAccountID: p.account, Month: p.month, Statement: said, CreatedAt: now, UpdatedAt: now}
		var before any
		if p.version > 0 {
			next.CreatedAt, before = p.said.CreatedAt, p.said.Statement
		}
		err := s.write(ctx, p, audit.Event{Before: before, After: said},
			store.Change{Key: p.key(), Value: next, Condition: store.VersionIs(p.version)})
		if err == nil {
			p.said = next
			p.version++
			return s.answer(ctx, p)
		}
		if store.Conflicted(err) == nil {
			return nil, err
		}
		if err := p.read(ctx); err != nil {
			return nil, err
		}
	}
	return nil, busy()
}

func (s *Service) remove(ctx context.Context, scope *tenant.Scope, in *deleteIn) (*struct{}, error) {
	p, err := s.at(ctx, scope, in.At)
	if err != nil {
		return nil, err
	}
	for range attempts {
		if p.version == 0 {
			return nil, fault.New(fault.NotFound, "Nothing was said of invoices of this billing account in this billing period.")
		}
		if err := in.Check(p.version); err != nil {
			return nil, err
		}
		err := s.write(ctx, p, audit.Event{Before: p.said.Statement}, store.Change{Action: store.Delete, Key: p.key(), Condition: store.VersionIs(p.version)})
		if err == nil {
			return &struct{}{}, nil
		}
		if store.Conflicted(err) == nil {
			return nil, err
		}
		if err := p.read(ctx); err != nil {
			return nil, err
		}
	}
	return nil, busy()
}

func busy() error { return fault.New(fault.Conflict, "It is being changed by others. Try again.") }

// write makes a change and its row of the audit log.
func (s *Service) write(ctx context.Context, p *place, e audit.Event, c store.Change) error {
	e.Target = "reconciliation/" + p.month.String() + "/" + url.PathEscape(p.account)
	e.Target = e.Target[:min(len(e.Target), maxTarget)]
	row, err := s.Audit.Row(ctx, p.scope, e)
	if err != nil {
		return err
	}
	if err := p.tenant.Write(ctx, c, row); err != nil {
		return fmt.Errorf("write what was invoiced: %w", err)
	}
	return nil
}

const maxTarget = 100 // bytes

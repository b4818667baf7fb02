package usage

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operation on usage. All fields are needed but Meter.
type Service struct {
	Store *store.Store
	Clock func() time.Time
	Meter *Meter // of this process, whose unwritten use is told too
	// Used give how much of limits is used, by the names that tenant.Limits have in JSON.
	Used []func(context.Context, *tenant.Scope) (map[string]int64, error)
}

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	return []route.Operation{route.ForTenant(route.Spec{ID: "getUsage", Method: http.MethodGet, Path: "/v1/tenants/{tenantId}/usage",
		Permission: tenant.ReadUsage, Reach: route.Whole, Function: route.Admin, Tag: "Usage", Summary: "Ask what is used of the platform", Doc: doc,
		Example: in{Start: "2026-01-01", End: "2026-02-01"}}, s.get)}
}

const doc = `By UTC day, with what it costs on AWS, and with what the plan gives and how much of that is used now. Days without use
are left out. Use is written in batches: of the last requests up to 59 may be missing for each process that served them. AWS bills
` + "`operatorCost`" + ` to whoever runs the platform: the capacity that the tenant's own requests, files and runs took of the store. It bills ` + "`accountCost`" + ` to
the accounts that are connected, in their own bills: what runs asked of them that is paid for by the piece, here by list prices. ` + "`cost`" + ` is both. Storage,
functions and transfer are not metered.`

type in struct {
	Start string `query:"start" maxLength:"10" doc:"The first UTC day; that of the present month where left out." example:"2026-01-01"`
	End   string `query:"end" maxLength:"10" doc:"The day after the last; the first of the next month where left out. At most 400 days." example:"2026-02-01"`
}

type out struct{ Body Answer }

// Answer is what a tenant used, and may use.
type Answer struct {
	Start    calendar.Day `json:"start"`
	End      calendar.Day `json:"end" doc:"Exclusive."`
	Currency string       `json:"currency" enum:"USD"`
	Total    Use          `json:"total"`
	Days     []Day        `json:"days"`
	Prices   []Price      `json:"prices"`
	Plan     tenant.Plan  `json:"plan" enum:"free,team,enterprise"`
	Limits   []Limit      `json:"limits"`
}

// Use is what was used, with what it costs. Units may have halves.
type Use struct {
	Requests      int64        `json:"requests" doc:"Of members, refused ones too; not those over the limit of requests per minute."`
	ReadUnits     money.Amount `json:"readUnits" doc:"Of the store: 4 KB, or 8 KB where it may be a moment old."`
	WriteUnits    money.Amount `json:"writeUnits" doc:"Of the store: 1 KB, double in a transaction."`
	RequestBytes  int64        `json:"requestBytes" doc:"Of requests' bodies."`
	ResponseBytes int64        `json:"responseBytes" doc:"Of answers' bodies."`
	ImportBytes   int64        `json:"importBytes" doc:"Of files that arrived."`
	ImportLines   int64        `json:"importLines" doc:"Of deliveries that succeeded."`

	CollectionPages   int64        `json:"collectionPages" doc:"Asked of Cost Explorer. The limit collectionPagesPerMonth counts 1,000 metrics as one more."`
	CollectionMetrics int64        `json:"collectionMetrics" doc:"Asked for with GetMetricData."`
	OperatorCost      money.Amount `json:"operatorCost" doc:"By prices: of readUnits and writeUnits, which AWS bills to the platform's operator."`
	AccountCost       money.Amount `json:"accountCost" doc:"By prices: of collectionPages and collectionMetrics, which AWS bills to the connected accounts."`
	Cost              money.Amount `json:"cost" doc:"Both together."`
}

// Day is a UTC day's use.
type Day struct {
	Date calendar.Day `json:"date"`
	Use
}

// Limit is a limit of the plan and how much of it is used.
type Limit struct {
	Name     string     `json:"name" doc:"retentionDays is of rows of the audit log; costs are kept for as long as the organization is."`
	Limit    int64      `json:"limit"`
	Used     *int64     `json:"used,omitempty" doc:"Absent where nothing is counted. Of requestsPerMinute what the processes have taken of the minute in blocks, used or not, at most the limit; the first 30 of each process are told with its first block. The header RateLimit is of the process that answered."`
	Per      string     `json:"per,omitempty" enum:"minute,day,month" doc:"In UTC; absent of what there may be at a time."`
	ResetsAt *time.Time `json:"resetsAt,omitempty"`
}

const maxDays = 400

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *in) (*out, error) {
	now := s.Clock().UTC()
	start, end, err := in.span(now)
	if err != nil {
		return nil, err
	}
	a := Answer{Start: start, End: end, Currency: "USD", Days: []Day{}, Prices: prices, Plan: scope.Standing().Plan}
	counts, err := s.counts(ctx, scope, start, end-1)
	if err != nil {
		return nil, err
	}
	if a.Limits, err = s.limits(ctx, scope, now); err != nil {
		return nil, err
	}
	return &out{a}, a.fill(counts)
}

// fill puts counts into the answer, in order and summed up.
func (a *Answer) fill(counts map[calendar.Day]Counts) (err error) {
	var sum Counts
	for day, c := range counts {
		sum = sum.plus(c)
		use, err := c.use()
		if err != nil {
			return err
		}
		a.Days = append(a.Days, Day{day, use})
	}
	slices.SortFunc(a.Days, func(x, y Day) int { return int(x.Date - y.Date) })
	a.Total, err = sum.use()
	return err
}

func (c Counts) use() (Use, error) {
	operator, accounts, err := c.bills()
	if err != nil {
		return Use{}, err
	}
	cost, err := operator.Add(accounts)
	half := func(n int64) money.Amount { return money.FromScaled(n*5, 1) }
	return Use{Requests: c.Requests, ReadUnits: half(c.ReadHalves), WriteUnits: half(c.WriteHalves), RequestBytes: c.RequestBytes,
		ResponseBytes: c.ResponseBytes, ImportBytes: c.ImportBytes, ImportLines: c.ImportLines, CollectionPages: c.CollectionPages,
		CollectionMetrics: c.CollectionMetrics, OperatorCost: operator, AccountCost: accounts, Cost: cost}, err
}

// span is what the parameters ask for, end exclusive.
func (in *in) span(now time.Time) (start, end calendar.Day, err error) {
	bad := fault.New(fault.Invalid, "The range is not acceptable; errors says where.")
	month := calendar.MonthOf(now)
	parse := func(name, text string, without calendar.Day) calendar.Day {
		if text == "" {
			return without
		}
		d, err := calendar.ParseDay(text)
		if err != nil {
			bad.At("query."+name, "is no day yyyy-mm-dd between 1990 and 2100", text)
		}
		return d
	}
	start, end = parse("start", in.Start, month.First()), parse("end", in.End, (month+1).First())
	switch {
	case len(bad.Details) > 0:
		return 0, 0, bad
	case start >= end:
		return 0, 0, bad.At("query.start", "is not before end", start.String())
	case end-start > maxDays:
		return 0, 0, bad.At("query.start", "is more than 400 days before end: ask for less at once", start.String())
	}
	return start, end, nil
}

// counts reads the days from first to last and adds what this process has not written yet.
func (s *Service) counts(ctx context.Context, scope *tenant.Scope, first, last calendar.Day) (map[calendar.Day]Counts, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	all := map[calendar.Day]Counts{}
	for l := (store.List{Consistency: store.Strongly}); ; {
		page, err := h.Query(ctx, store.Usages(first, last), l)
		if err != nil {
			return nil, fmt.Errorf("read the usage: %w", err)
		}
		for _, r := range page.Records {
			day, err := store.UsageDay(r.Address)
			if err != nil {
				return nil, err
			}
			var c Counts
			if err := r.Value.Decode(&c); err != nil {
				return nil, fmt.Errorf("read the usage: %w", err)
			}
			all[day] = c
		}
		if l.After = page.Next; l.After == "" {
			break
		}
	}
	if s.Meter != nil {
		for day, c := range s.Meter.Unwritten(scope.Tenant()) {
			if day >= first && day <= last {
				all[day] = all[day].plus(c)
			}
		}
	}
	return all, nil
}

package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// Bench is the bill of a large organization, as an hourly AWS export of FOCUS 1.2 has it: about 950 bytes a line as CSV, 50
// accounts, 15 regions, 300 SKUs of 60 services, the tags environment and team of 500 values each. A resource keeps its
// account, region, SKU and tags. Resources take turns, each billed for some hours of a day in a row; the lines of a thousand
// of them are mixed at random.
type Bench struct {
	Seed      uint64
	Month     calendar.Month // hours of its first 30 days, or of all it has if they are fewer
	Lines     int
	Resources int
	Hours     int // in a row: 1 to so many, at most 24
}

// BenchResources are how many the benchmarks take.
const BenchResources = 200_000

// TagKeys are what lines of Bench are tagged by.
func (Bench) TagKeys() []string { return []string{"environment", "team"} }

// Accounts are the sub-accounts of the lines.
func (Bench) Accounts() (all []string) {
	for i := range 50 {
		all = append(all, fmt.Sprintf("%012d", 300_000_000_000+i*7_919))
	}
	return all
}

// Each gives f the lines, and then their totals, of which Account, Region and Environment are left empty. f may keep
// nothing of the record.
func (b Bench) Each(f func(*focus.Record) error) (Totals, error) {
	e, totals := newEstate(b), Totals{}
	for range b.Lines {
		r, costs := e.charge(e.next())
		totals.add(Key{Currency: r.BillingCurrency, Month: b.Month, Billing: b.Month, Provider: r.ProviderName, Service: r.ServiceName,
			Category: r.ChargeCategory}, Sums{Lines: 1, costs: costs})
		if err := f(r); err != nil {
			return nil, err
		}
	}
	return totals, nil
}

// stretch is hours of a day in a row that a resource is billed for.
type stretch struct {
	resource    *benchResource
	hour, after int // since the month's beginning
}

// begin gives the stretch of the resource whose turn it is.
func (e *estate) begin() stretch {
	e.turn = (e.turn + 1) % len(e.resources)
	hours := 1 + e.random.IntN(e.hours)
	start := e.random.IntN(e.days)*24 + e.random.IntN(24-hours+1)
	return stretch{&e.resources[e.turn], start, start + hours}
}

// next gives a resource and the hour it is billed for.
func (e *estate) next() (*benchResource, int) {
	s := &e.open[e.random.IntN(len(e.open))]
	if s.hour == s.after {
		*s = e.begin()
	}
	s.hour++
	return s.resource, s.hour - 1
}

// estate is what lines of Bench are put together from. The record and what it points to are used for every line.
type estate struct {
	random      *rand.Rand
	start       time.Time
	days, hours int
	turn        int // of resources
	open        [1000]stretch
	resources   []benchResource
	accounts    []string
	values      [2][]string // of the tags
	skus        []benchSKU

	record                              focus.Record
	list, contracted, quantity          money.Amount
	listUnit, contractedUnit, effective money.Amount
}

type benchResource struct {
	account, region, sku uint16
	tags                 [2]uint16
	id                   string
}

type benchSKU struct{ id, price, meter, description, service, category string }

var serviceCategories = []string{"Compute", "Storage", "Databases", "Networking", "Analytics", "AI and Machine Learning"}

func newEstate(b Bench) *estate {
	e := &estate{random: rand.New(rand.NewPCG(b.Seed, 1)), start: b.Month.First().Time(), hours: min(max(1, b.Hours), 24),
		days: int(min(30, b.Month.Last()-b.Month.First()+1)), resources: make([]benchResource, max(1, b.Resources)), accounts: b.Accounts()}
	random := rand.New(rand.NewPCG(b.Seed, 2))
	for i := range 500 {
		e.values[0] = append(e.values[0], fmt.Sprintf("environment-%03d", i))
		e.values[1] = append(e.values[1], fmt.Sprintf("team-%03d", i))
	}
	for i := range 300 {
		id := fmt.Sprintf("%016X", uint64(i+1)*0x9e3779b97f4a7c15)
		e.skus = append(e.skus, benchSKU{id, id + ".JRTCKXETXF.6YS6EN2CT7", fmt.Sprintf("BoxUsage:m%d.%dxlarge", i%7, i),
			fmt.Sprintf("$0.%04d per On Demand Linux m%d.%dxlarge Instance Hour (or partial hour), in this Region", i, i%7, i),
			fmt.Sprintf("Amazon Example Service %02d", i%60), serviceCategories[i%60%len(serviceCategories)]})
	}
	for i := range e.resources {
		x := benchResource{account: uint16(random.IntN(50)), region: uint16(random.IntN(15)), sku: uint16(random.IntN(300)),
			tags: [2]uint16{uint16(random.IntN(500)), uint16(random.IntN(500))}}
		x.id = fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-%017x", benchRegions[x.region], e.accounts[x.account], uint64(i)*0x9e3779b97f4a7c15>>4)
		e.resources[i] = x
	}
	e.fixed(b.Month)
	return e
}

var benchRegions = []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2", "eu-west-3",
	"eu-central-1", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1"}

// fixed fills what all lines have in common.
func (e *estate) fixed(m calendar.Month) {
	e.record = focus.Record{
		BillingAccountID: "299999999999", BillingAccountName: "Example Organization", BillingAccountType: "Management", BillingCurrency: "USD",
		BillingPeriodStart: m.First().Time(), BillingPeriodEnd: (m + 1).First().Time(),
		ChargeFrequency: "Usage-Based", ConsumedUnit: "Hrs", PricingUnit: "Hrs", PricingCurrency: "USD",
		InvoiceID: "2147483647", InvoiceIssuerName: "Amazon Web Services, Inc.", ProviderName: "AWS", PublisherName: "Amazon Web Services, Inc.",
		ResourceType: "instance", ServiceSubcategory: "Virtual Machines", SubAccountType: "Account",
		SkuPriceDetails:  `{"InstanceSeries":"General purpose","OperatingSystem":"Linux","CoreCount":4,"MemorySize":16}`,
		ConsumedQuantity: &e.quantity, PricingQuantity: &e.quantity, ListCost: &e.list, ContractedCost: &e.contracted,
		ListUnitPrice: &e.listUnit, ContractedUnitPrice: &e.contractedUnit, PricingCurrencyListUnitPrice: &e.listUnit,
		PricingCurrencyContractedUnitPrice: &e.contractedUnit, PricingCurrencyEffectiveCost: &e.effective,
		Tags: map[string]string{},
	}
}

// charge makes a line: a tenth of them used under a savings plan, one in fifty tax.
func (e *estate) charge(x *benchResource, hour int) (*focus.Record, [4]int64) {
	random := e.random
	sku, region, r := &e.skus[x.sku], benchRegions[x.region], &e.record
	list := random.Int64N(5 * unit)
	costs := [4]int64{list / 10 * 9, list / 10 * 9, list, list / 10 * 9}
	r.ChargeCategory, r.PricingCategory = "Usage", "Standard"
	r.CommitmentDiscountID, r.CommitmentDiscountStatus, r.CommitmentDiscountCategory, r.CommitmentDiscountType = "", "", "", ""
	switch kind := random.IntN(50); {
	case kind == 0:
		r.ChargeCategory, costs = "Tax", [4]int64{list, list, list, list}
	case kind <= 5:
		costs[focus.BilledCost], costs[focus.EffectiveCost] = 0, list/10*7
		r.PricingCategory, r.CommitmentDiscountStatus, r.CommitmentDiscountCategory = "Committed", "Used", "Spend"
		r.CommitmentDiscountID, r.CommitmentDiscountType = "arn:aws:savingsplans::299999999999:savingsplan/3f6c", "Compute Savings Plans"
	}
	e.amounts(costs, random.Int64N(1_000*unit))
	start := e.start.Add(time.Duration(hour) * time.Hour)
	r.ChargePeriodStart, r.ChargePeriodEnd = start, start.Add(time.Hour)
	r.AvailabilityZone, r.RegionID, r.RegionName = region+"a", region, "Region "+region
	r.SubAccountID, r.SubAccountName = e.accounts[x.account], "account "+e.accounts[x.account]
	r.ResourceID, r.ResourceName = x.id, x.id[len(x.id)-19:]
	r.SkuID, r.SkuPriceID, r.SkuMeter, r.ChargeDescription = sku.id, sku.price, sku.meter, sku.description
	r.ServiceName, r.ServiceCategory = sku.service, sku.category
	r.Tags["environment"], r.Tags["team"] = e.values[0][x.tags[0]], e.values[1][x.tags[1]]
	return r, costs
}

func (e *estate) amounts(costs [4]int64, quantity int64) {
	amount := func(v int64) money.Amount { return money.FromScaled(v, scale) }
	e.record.BilledCost, e.record.EffectiveCost = amount(costs[focus.BilledCost]), amount(costs[focus.EffectiveCost])
	e.effective, e.list, e.contracted = e.record.EffectiveCost, amount(costs[focus.ListCost]), amount(costs[focus.ContractedCost])
	e.quantity = amount(quantity)
	e.listUnit, e.contractedUnit = amount(quantity%9_999_999_999), amount(quantity%8_999_999_999)
}

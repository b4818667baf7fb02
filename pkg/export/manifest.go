package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Totals are charges and their exact sums in one currency, decimals without exponent.
type Totals struct {
	Currency       string       `json:"currency"`
	Charges        int64        `json:"charges"`
	BilledCost     money.Amount `json:"billedCost"`
	EffectiveCost  money.Amount `json:"effectiveCost"`
	ListCost       money.Amount `json:"listCost"`
	ContractedCost money.Amount `json:"contractedCost"`
}

// totals are sums by grain and currency.
type totals map[cost.Grain]map[string]Totals

func (t totals) add(g cost.Grain, r *focus.Record) error {
	if t[g] == nil {
		t[g] = map[string]Totals{}
	}
	sum := t[g][r.BillingCurrency]
	sum.Currency = r.BillingCurrency
	sum.Charges++
	for _, one := range []struct {
		to *money.Amount
		of *money.Amount
	}{{&sum.BilledCost, &r.BilledCost}, {&sum.EffectiveCost, &r.EffectiveCost}, {&sum.ListCost, r.ListCost}, {&sum.ContractedCost, r.ContractedCost}} {
		if one.of == nil {
			continue
		}
		var err error
		if *one.to, err = one.to.Add(*one.of); err != nil {
			return fmt.Errorf("add up what is exported: %w", err)
		}
	}
	t[g][r.BillingCurrency] = sum
	return nil
}

// of lists a grain's sums by currency.
func (t totals) of(g cost.Grain) []Totals {
	return slices.SortedFunc(maps.Values(t[g]), func(a, b Totals) int { return cmp.Compare(a.Currency, b.Currency) })
}

// agree fails unless all grains have the same sums: an archive that is not exact is not given out.
func (t totals) agree() error {
	want := t.of(cost.ByDay)
	for _, g := range cost.Grains[1:] {
		got := t.of(g)
		for i := range got {
			if i < len(want) {
				got[i].Charges = want[i].Charges
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("an export's %s do not sum to the same as its %s", g, cost.ByDay)
		}
	}
	return nil
}

// manifest says what an archive holds; JSON is its form in the archive.
type manifest struct {
	Format    string              `json:"format"`
	Tenant    tenant.ID           `json:"tenantId"`
	Export    tenant.ExportID     `json:"exportId"`
	CreatedAt time.Time           `json:"createdAt"`
	Costs     string              `json:"costs"`  // the Digest of all that counted
	Totals    map[string][]Totals `json:"totals"` // by folder
	Files     []described         `json:"files"`
}

type described struct {
	File
	Holds string `json:"holds"`
}

func (w *writer) manifest() manifest {
	m := manifest{Format: "tenantry-export/1", Tenant: w.run.Scope.Tenant(), Export: w.export.ID, CreatedAt: w.export.CreatedAt,
		Costs: w.extract.Digest(last), Totals: map[string][]Totals{}}
	for _, g := range cost.Grains {
		m.Totals[string(g)] = append([]Totals{}, w.notes.Totals.of(g)...)
	}
	for _, e := range w.zip.Entries {
		m.Files = append(m.Files, described{e.file(), holds(e.Name)})
	}
	return m
}

// holds says what is in a file.
func holds(name string) string {
	for _, s := range sections {
		if s.file() == name {
			return s.doc
		}
	}
	for _, g := range cost.Grains {
		if len(name) > len(g) && name[:len(g)+1] == string(g)+"/" {
			return "FOCUS " + focusVersion + ", one billing period: " + grains[g]
		}
	}
	if name == "sources.jsonl" {
		return "what counted of each source and billing period: the generation that was read, and accounts that another source counts"
	}
	return "what the archive holds, for people"
}

// grains says what a charge of a file is.
var grains = map[cost.Grain]string{
	cost.ByDay: "a charge is what a source has of one project, day, account, provider, service, region, category, class and set of kept tags",
	cost.BySKU: "a charge is what a source has of one project, day, account, provider, service, region, category, class, SKU, pricing category and unit; " +
		"with quantities, without tags",
	cost.ByResource: "a charge is what a source has of one project, charge month, account, service, resource and category",
	cost.ByInvoice:  "a charge is what a source has of one project, charge month, account, invoice and category",
}

const readme = `# What this archive holds

Everything that Tenantry held of your organization when the export was made. manifest.json names each file, what is in it, its bytes,
lines and SHA-256, and the totals.

- entities/*.jsonl: one thing on each line, in the JSON that the API shows. Secrets are in none: of invitations and API keys there is
  everything but what opens them.
- costs/<billing period>.csv: the costs, as FOCUS 1.2. Import these files into any organization (POST .../imports, or one project's
  imports, format csv) and its costs are the same by day, account, provider, service, region, category, class and kept tag.
- usage/<billing period>.csv: the same costs by SKU, with quantities, without tags. Can be imported instead of costs/, not beside it.
- resources/ and invoices/<billing period>.csv: the same costs by charge month and resource, or invoice. FOCUS asks for providers and
  services, which these have not: they are for reading, and cannot be imported.
- sources.jsonl: which generation of each source was read. All four folders were read at one moment between two deliveries.

Each folder sums to the same totals, to the last decimal. What is exact and what is not:

- Amounts are sums of the lines that were delivered, at up to 18 decimals: a charge stands for all lines that its columns do not tell
  apart. Columns that no line is told apart by (prices, descriptions, tags that were not kept) are empty.
- An amount is empty where none of the lines had one. How many had none beside others that had is not kept here.
- Amounts finer than 18 decimals were rounded, half to even, once for each line, when they were imported.
- Where one service of one account and region is sold by several providers, tags and provider of a charge were not kept together: some
  charges there are pairs that sum to zero, so that the totals by provider and those by tag are both right.
- What two sources held of the same account and period is here once, as it counted. x_ProjectId, x_ProjectName and x_SourceName say
  what project a charge belonged to and what source it came from; imports do not read them.
- The files as they were delivered are not here.

Texts are as they were delivered: before a CSV is opened in a spreadsheet, mind that a text may begin with =, + or @.
`

package cost

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Head says, for every source and billing period of a tenant, which generation of documents counts. It is one item, and
// moving it is the moment at which a replacement becomes visible, in all projects and views at once.
type Head struct {
	Periods []HeadPeriod // by Source, Period
	Years   []HeadYear   // by Source, Year
	Differ  []HeadDiffer // of what counts, what is not the provider's own total
}

// HeadPeriod is the generation of one source and billing period that counts.
type HeadPeriod struct {
	_        struct{} `cbor:",toarray"`
	Source   string
	Period   calendar.Month
	Gen      string
	Shadowed []string // units (see Unit) of this source that another source counts; sorted
	Aside    bool     // those are all that it has
}

// HeadYear is the generation of one source's year documents.
type HeadYear struct {
	_      struct{} `cbor:",toarray"`
	Source string
	Year   int
	Gen    string
}

// Unit is what exactly one source counts for in a billing period: the sub-account, or where a line has none, its
// billing account.
func Unit(billingAccount, subAccount string) string {
	if subAccount != "" {
		return subAccount
	}
	return "\x00" + billingAccount
}

// Index is the documents of one project and view, of all sources. Beside the generation that counts it may hold one
// that is being loaded, or one that has just been superseded: readers take the one that Head names.
type Index struct {
	Entries []Entry // by Source, Year, Period
}

// Entry is one source and billing period, or one source and year where Year is not 0.
type Entry struct {
	_        struct{} `cbor:",toarray"`
	Source   string
	Period   calendar.Month
	Year     int
	Versions []Version // oldest first
}

// Version is the documents of one generation. Without Docs the project holds nothing of the source and period then.
type Version struct {
	_          struct{} `cbor:",toarray"`
	Gen        string
	Docs       []Doc    // by Metric; a metric without cells is left out
	TagKeys    []string // of the tags view, sorted: the keys its documents have after View.Dims
	Currencies []string // sorted
	First      calendar.Day
	Last       calendar.Day // first and last charge day held; of a year document the days, too, not the months
	Through    calendar.Day // the last charge day that was delivered of the billing accounts the lines are of, also where the
	// project itself has no charge on it: what completeness goes by
	AsOf      int64 // unix seconds of the youngest delivery in it
	Lines     int64
	Estimated bool
	Final     bool
	Missing   bool // of a year: its months cannot be told together yet; read the periods instead
}

// Doc is one document.
type Doc struct {
	_      struct{} `cbor:",toarray"`
	Metric focus.Metric
	Of     focus.Metric // the metric whose document this is: another one where the two are equal cell for cell
	Gen    string       // in the document's key: older than the Version's where the content has not changed
	Parts  int
	Bytes  int64
	Nulls  int64
	Hash   [16]byte
}

// Cover is who holds what of a billing period, over all sources: what coverage, totals before and after, and rebuilding
// are decided by.
type Cover struct {
	Sources []CoverSource // by Name
}

// CoverSource is what one source holds of the period.
type CoverSource struct {
	Name     string
	Accounts []CoverAccount     // by BillingAccount
	Holders  []tenant.ProjectID // whose indexes have an entry of the source and period; sorted
}

// CoverAccount is what one source holds of one billing account: what one delivery brought last.
type CoverAccount struct {
	BillingAccount string
	Delivery       tenant.DeliveryID
	Delivered      int64 // unix milliseconds when the delivery closed
	Rules          int64 // Roster.Rules it was split by; Aimed for a delivery aimed at one project
	TagKeys        []string
	Units          []string // sorted
	Projects       []tenant.ProjectID
	Lines          int64
	First, Last    calendar.Day
	Final          bool
	Sums           []Sum // by Currency, Category
	Estimated      bool
	Through        calendar.Day // the last day that is accounted for, where that may be later than Last
	Provided       Provided
}

// Aimed stands for the rules of a delivery that was aimed at one project.
const Aimed = -1

// Sum is the control totals of one currency and charge category.
type Sum struct {
	Currency string                   `json:"currency"`
	Category string                   `json:"chargeCategory"`
	Lines    int64                    `json:"lines"`
	Amounts  [focus.NumMetrics]string `json:"amounts"`   // exact decimals by focus.Metric; quantities of unlike units are not added and "0"
	Nulls    [focus.NumMetrics]int64  `json:"nulls"`     // lines whose amount was null
	Residual [focus.NumMetrics]string `json:"residuals"` // what rounding to 18 decimals took away; "" for nothing
}

func (h *Head) period(source string, period calendar.Month) (int, bool) {
	return slices.BinarySearchFunc(h.Periods, HeadPeriod{Source: source, Period: period}, func(a, b HeadPeriod) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Period, b.Period))
	})
}

func (h *Head) year(source string, year int) (int, bool) {
	return slices.BinarySearchFunc(h.Years, HeadYear{Source: source, Year: year}, func(a, b HeadYear) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Year, b.Year))
	})
}

// Gen is the generation that counts of a source's billing period, "" where it has none.
func (h *Head) Gen(source string, period calendar.Month) string {
	if i, ok := h.period(source, period); ok {
		return h.Periods[i].Gen
	}
	return ""
}

// YearGen is the generation that counts of a source's year documents, "" where it has none.
func (h *Head) YearGen(source string, year int) string {
	if i, ok := h.year(source, year); ok {
		return h.Years[i].Gen
	}
	return ""
}

// GenOf is the generation that counts of what the entry is about.
func (h *Head) GenOf(e *Entry) string {
	if e.Year != 0 {
		return h.YearGen(e.Source, e.Year)
	}
	return h.Gen(e.Source, e.Period)
}

func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Year, b.Year), cmp.Compare(a.Period, b.Period))
}

// At gives the version of the entry that Head counts. There is none where Head has none or where it is newer or older
// than all the entry has: then torn is true, and the reader must read Head and Index again.
func (e *Entry) At(h *Head) (v *Version, torn bool) {
	gen := h.GenOf(e)
	if gen == "" {
		return nil, false
	}
	for i := range e.Versions {
		if e.Versions[i].Gen == gen {
			return &e.Versions[i], false
		}
	}
	return nil, true
}

// Doc gives the document of a metric, nil where the version has no cell of it.
func (v *Version) Doc(m focus.Metric) *Doc {
	for i := range v.Docs {
		if v.Docs[i].Metric == m {
			return &v.Docs[i]
		}
	}
	return nil
}

// Yearly tells whether the view has year documents. The resource view has not: its period documents are by month already.
func Yearly(v document.View) bool { return v != document.Resource }

// MetricName is a metric's name in questions, answers and keys: the FOCUS column in camelCase.
func MetricName(m focus.Metric) string {
	return [...]string{"billedCost", "effectiveCost", "listCost", "contractedCost", "pricingQuantity"}[m]
}

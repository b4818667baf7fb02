package delivery

import (
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Status of a delivery.
type Status string

// The statuses, in their order; the last two are the end.
const (
	Awaiting  Status = "awaiting" // files are to come
	Queued    Status = "queued"   // closed; a worker will read it
	Running   Status = "running"
	Succeeded Status = "succeeded" // its costs count
	Failed    Status = "failed"    // nothing of it is stored
)

// Delivery is one or more files of one source, closed together.
type Delivery struct {
	ID          tenant.DeliveryID `json:"id"`
	ProjectID   tenant.ProjectID  `json:"projectId,omitempty" doc:"The project it is aimed at, which gets all of it; absent where rules split it."`
	Source      string            `json:"source" doc:"The stream it belongs to: the name given with upload: before it, so that billing is answered as upload:billing."`
	Format      string            `json:"format" enum:"csv,parquet"`
	AllowShrink bool              `json:"allowShrink,omitempty"`
	Final       bool              `json:"final,omitempty"`
	Status      Status            `json:"status" enum:"awaiting,queued,running,succeeded,failed"`
	Files       []Upload          `json:"files"`
	CreatedAt   time.Time         `json:"createdAt"`
	ClosedAt    *time.Time        `json:"closedAt,omitempty" doc:"Of two uploads that hold the same account, the one closed later counts."`
	FinishedAt  *time.Time        `json:"finishedAt,omitempty"`
	Progress    *Progress         `json:"progress,omitempty"`
	Result      *Result           `json:"result,omitempty" doc:"Of a succeeded delivery."`
	Unreadable  string            `json:"unreadable,omitempty" doc:"Why a delivery that was read once cannot be read again. Its costs stay as they are: split by the rules of then, and without the values of tag keys that are newer. Deliver its files again to mend that."`
	Error       string            `json:"error,omitempty" doc:"Of a failed delivery: what is wrong and what to do."`
	Problems    []fault.Detail    `json:"problems,omitempty" doc:"Of a failed delivery: the first 20 places that could not be read right."`
	More        bool              `json:"moreProblems,omitempty" doc:"There are more problems than these."`
}

// Upload is one file of a delivery.
type Upload struct {
	Name      string `json:"name,omitempty" doc:"The caller's name for it."`
	SizeBytes int64  `json:"sizeBytes"`
	Received  bool   `json:"received"`
	UploadURL string `json:"uploadUrl,omitempty" doc:"Takes one PUT of the file's bytes, with no Authorization; given once, at the creation."`
}

// Progress of a running delivery.
type Progress struct {
	Stage     string `json:"stage" enum:"reading,preparing,loading"`
	BytesRead int64  `json:"bytesRead" doc:"Of the delivery's files, as far as it was when that was noted last: every 3 seconds while it is read, less often where that fails."`
	Bytes     int64  `json:"bytes"`
	Lines     int64  `json:"lines" doc:"Read, as far as it was noted with bytesRead; a file that is being read counts by 4,096 lines."`
}

// Result of a succeeded delivery.
type Result struct {
	Lines            int64          `json:"lines"`
	DocumentsWritten int            `json:"documentsWritten" doc:"0 where everything was there already."`
	Periods          []PeriodChange `json:"periods"`
	Residual         Costs          `json:"residual" doc:"What rounding amounts finer than 18 decimals took away, in all."`
}

// PeriodChange is what a delivery did to one billing period of its source, over the billing accounts that it has.
type PeriodChange struct {
	Period            calendar.Month     `json:"period"`
	BillingAccountIDs []string           `json:"billingAccountIds" doc:"The accounts that were replaced; at most 100 are named."`
	Before            *Totals            `json:"before,omitempty" doc:"Absent for a member who is limited to projects and does not see all that held it, as are takenFrom of others and shadows."`
	After             Totals             `json:"after"`
	TakenFrom         []tenant.ProjectID `json:"takenFrom,omitempty" doc:"Projects that held lines of these accounts by earlier deliveries of the source, and hold none now."`
	Shadows           []string           `json:"shadows,omitempty" doc:"Other sources that hold some of the same accounts and count no longer, since this delivery is the newer. What they hold is kept aside."`
}

// Totals are lines and their sums by currency.
type Totals struct {
	Lines  int64   `json:"lines"`
	Totals []Costs `json:"totals"`
}

// Costs are exact sums of the four metrics, decimals without exponent.
type Costs struct {
	Currency       string `json:"currency,omitempty"`
	BilledCost     string `json:"billedCost"`
	EffectiveCost  string `json:"effectiveCost"`
	ListCost       string `json:"listCost"`
	ContractedCost string `json:"contractedCost"`
}

// record is a delivery as it is stored, with the workers' own notes.
type record struct {
	Delivery
	Work     work               `json:"work"`
	Tags     []string           `json:"tags,omitempty"`     // of the files as they were read
	Maker    tenant.Limit       `json:"maker,omitzero"`     // within which it may replace anything
	Concerns []tenant.ProjectID `json:"concerns,omitempty"` // projects that its result, or its failure, tells of
	// Periods is what a Deposit says of billing periods.
	Periods map[calendar.Month]Period `json:"periods,omitempty"`
}

// work is who is at a delivery and what is left of earlier attempts.
type work struct {
	Owner    string    `json:"owner,omitempty"` // of the lease
	Until    time.Time `json:"until"`           // when the lease ends
	Writes   int64     `json:"writes"`          // counts the workers' writes, each of which can be told by it
	Attempts int       `json:"attempts"`
	Gen      string    `json:"gen,omitempty"`    // of an attempt that may have loaded something
	Settle   bool      `json:"settle,omitempty"` // Gen counts; what it superseded is to be removed
}

// shown is the delivery as a member is told of it: nothing of projects that they do not see.
func (r *record) shown(scope *tenant.Scope) Delivery {
	d, unseen := r.Delivery, func(p tenant.ProjectID) bool { return !scope.Sees(p) }
	d.CreatedAt, d.ClosedAt, d.FinishedAt = d.CreatedAt.Truncate(time.Millisecond), millis(d.ClosedAt), millis(d.FinishedAt)
	if !slices.ContainsFunc(r.Concerns, unseen) {
		return d
	}
	if d.Status == Failed {
		d.Error, d.Problems, d.More = "The delivery was refused, for a reason that is in projects you do not see. Nothing of it is stored. "+
			"Ask a member who is not limited to projects.", nil, false
	}
	if d.Result != nil {
		result := *d.Result
		result.Periods = slices.Clone(result.Periods)
		for i := range result.Periods {
			p := &result.Periods[i]
			p.Before, p.Shadows, p.TakenFrom = nil, nil, slices.DeleteFunc(slices.Clone(p.TakenFrom), unseen)
		}
		d.Result = &result
	}
	return d
}

// millis is a time as it is shown; more is kept, since of two deliveries the later counts.
func millis(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.Truncate(time.Millisecond)
	return &at
}

func (d *Delivery) done() bool { return d.Status == Succeeded || d.Status == Failed }

func (d *Delivery) bytes() (n int64) {
	for _, f := range d.Files {
		n += f.SizeBytes
	}
	return n
}

// arrived is how many bytes of it are there.
func (d *Delivery) arrived() (n int64) {
	for _, f := range d.Files {
		if f.Received {
			n += f.SizeBytes
		}
	}
	return n
}

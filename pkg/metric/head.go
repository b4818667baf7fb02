package metric

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// head says which generation of an account's metrics of a month counts: the change of it makes a run visible, in every project at
// once.
type head struct {
	_        struct{} `cbor:",toarray"`
	Account  string
	Month    calendar.Month
	Gen      string       // a ULID; "" where there is nothing yet
	At       int64        // seconds of Unix: when it was collected
	Until    calendar.Day // days before are complete
	Holdings []holding
}

// holding is what a project has of a type of resource: so many parts.
type holding struct {
	_       struct{} `cbor:",toarray"`
	Project tenant.ProjectID
	Type    string
	Parts   int
	Series  int
}

// readHead gives the head and the version of its item, 0 where there is none.
func readHead(ctx context.Context, h *store.Tenant, account string, m calendar.Month) (x head, version int64, err error) {
	x = head{Account: account, Month: m}
	if version, err = generation.Read(ctx, h, store.Measured(m, account), &x); err != nil {
		return x, 0, fmt.Errorf("read which metrics count: %w", err)
	}
	return x, version, nil
}

// keys are those of the holdings that are wanted, in their order.
func (x *head) keys(wanted func(*holding) bool) (all []store.Key) {
	for i := range x.Holdings {
		if of := &x.Holdings[i]; wanted == nil || wanted(of) {
			all = append(all, x.parts(of)...)
		}
	}
	return all
}

func (x *head) parts(of *holding) (all []store.Key) {
	for n := range of.Parts {
		all = append(all, store.Metrics(of.Project, of.Type, x.Month, x.Account, x.Gen, n))
	}
	return all
}

// Book is how far the metrics of an account are collected.
type Book struct {
	Slot    time.Time    `json:"slot"`              // of the run that came to its end last
	Whole   time.Time    `json:"whole"`             // when the last run began that got all it asked for
	Through calendar.Day `json:"through,omitzero"`  // days before are final; not later than the last complete one
	Waiting string       `json:"waiting,omitempty"` // ARN that the next run begins with
}

// ReadBook gives the book of an account, the zero one where nothing was collected.
func ReadBook(ctx context.Context, h *store.Tenant, account string) (b Book, err error) {
	b, _, err = readBook(ctx, h, account)
	return b, err
}

func readBook(ctx context.Context, h *store.Tenant, account string) (b Book, version int64, err error) {
	if version, err = h.Read(ctx, store.MeasureBook(account), &b); err != nil {
		return b, 0, fmt.Errorf("read how far metrics are collected: %w", err)
	}
	return b, version, nil
}

// Origin is an account where metrics come from.
type Origin struct {
	ID          string       `json:"accountId"`
	CollectedAt time.Time    `json:"collectedAt"`
	Until       calendar.Day `json:"until" format:"date" doc:"Days before this one were collected; values of the last two of them may still change."`
}

// origins lists the accounts of heads, each as it was collected last.
func origins(all []head) []Origin {
	out := []Origin{}
	for i := range all {
		o := Origin{all[i].Account, time.Unix(all[i].At, 0).UTC(), all[i].Until}
		at, found := slices.BinarySearchFunc(out, o, func(a, b Origin) int { return strings.Compare(a.ID, b.ID) })
		switch {
		case !found:
			out = slices.Insert(out, at, o)
		case o.CollectedAt.After(out[at].CollectedAt):
			out[at] = o
		}
	}
	return out
}

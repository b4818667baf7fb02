package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// reading is rows of a log that are asked for.
type reading struct {
	log      *store.Tenant
	from, to time.Time // whole milliseconds, both inclusive
	actor    string
	outcome  Outcome
}

const (
	maxLooks = 20  // queries of one page: a range has at most 15 months
	atOnce   = 500 // rows that one query reads where not all are wanted
)

// page gives at most limit rows, youngest first, after the sort key of one, and the sort key that the next page is after. It
// goes through the months backwards, each a partition.
func (r *reading) page(ctx context.Context, after string, limit int) (rows []Row, next string, err error) {
	rows = []Row{}
	month, first := calendar.MonthOf(r.to), calendar.MonthOf(r.from)
	if after != "" {
		at, err := ulid.ParseStrict(after)
		if err != nil {
			return nil, "", fault.Wrap(err, fault.Malformed, "The cursor is not one of this list. Start again without it.").Coded(fault.InvalidCursor)
		}
		month = calendar.MonthOf(ulid.Time(at.Time()))
	}
	for looks := 0; month >= first; looks++ {
		if looks == maxLooks {
			if after == "" {
				after = end(month + 1)
			}
			return rows, after, nil
		}
		page, err := r.log.Query(ctx, store.AuditRows(month, r.from, r.to), store.List{After: after, Reverse: true, Limit: r.batch(limit - len(rows)),
			Consistency: store.Strongly})
		if err != nil {
			return nil, "", fmt.Errorf("read the audit log: %w", err)
		}
		for i, record := range page.Records {
			var row Row
			if err := record.Value.Decode(&row); err != nil {
				return nil, "", fmt.Errorf("read the audit log: %w", err)
			}
			if r.wants(&row) {
				rows = append(rows, row)
			}
			if len(rows) == limit && (i+1 < len(page.Records) || page.Next != "" || month > first) {
				return rows, record.Address.SK, nil
			}
		}
		if after = page.Next; after == "" {
			month--
		}
	}
	return rows, "", nil
}

// batch is how many rows to read where n are wanted.
func (r *reading) batch(n int) int {
	if r.actor != "" || r.outcome != "" {
		return atOnce
	}
	return n
}

func (r *reading) wants(row *Row) bool {
	return (r.outcome == "" || row.Outcome == r.outcome) &&
		(r.actor == "" || row.Actor.Subject == r.actor || strings.EqualFold(row.Actor.Email, r.actor))
}

// end is the sort key that a month's rows are all before, backwards.
func end(m calendar.Month) string {
	var first ulid.ULID
	_ = first.SetTime(ulid.Timestamp(m.First().Time())) // fails for years past 10889 alone
	return store.AuditRow(first).Sort()
}

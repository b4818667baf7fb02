package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

const (
	maxCSV   = 5 << 20 // bytes: what a function can give at once
	csvRows  = 1000    // of one page
	csvPages = 40      // read at most: 400,000 rows where few are wanted
)

var columns = []string{"at", "id", "issuer", "subject", "email", "credential", "operation", "target", "outcome", "reason", "requestId", "source",
	"leftOut", "changes"}

// csv gives all rows as RFC 4180 with a header. More than maxCSV of them, or than can be looked through, are fault.Invalid.
func (r *reading) csv(ctx context.Context) ([]byte, error) {
	var b bytes.Buffer
	route.WriteRecord(&b, columns)
	after := ""
	for range csvPages {
		rows, next, err := r.page(ctx, after, csvRows)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if err := rows[i].write(&b); err != nil {
				return nil, err
			}
		}
		if b.Len() > maxCSV {
			break
		}
		if after = next; after == "" {
			return b.Bytes(), nil
		}
	}
	return nil, fault.New(fault.Invalid, "The CSV would be over 5 MB, or takes too long. Ask for a shorter range, of hours if need be, or page through the "+
		"JSON answer.")
}

func (row *Row) write(b *bytes.Buffer) error {
	changes := ""
	if row.Changes != nil {
		raw, err := json.Marshal(row.Changes)
		if err != nil {
			return fmt.Errorf("write the audit log as CSV: %w", err)
		}
		changes = string(raw)
	}
	leftOut := ""
	if row.LeftOut > 0 {
		leftOut = strconv.FormatInt(row.LeftOut, 10)
	}
	cells := []string{row.At.UTC().Format(time.RFC3339Nano), row.ID.String(), row.Actor.Issuer, row.Actor.Subject, row.Actor.Email, string(row.Credential),
		row.Operation, row.Target, string(row.Outcome), row.Reason, row.RequestID, row.Source, leftOut, changes}
	for i, c := range cells {
		cells[i] = route.Harmless(c)
	}
	route.WriteRecord(b, cells)
	return nil
}

package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// maxCSV bounds a CSV answer, in bytes: what a function can give at once.
const maxCSV = 5 << 20

var columns = []string{"id", "arn", "type", "region", "accountId", "projectId", "name", "state", "class", "createdAt", "firstSeenAt", "lastSeenAt", "goneAt", "tags"}

// table writes resources as RFC 4180: a header, then a line for each. The error is fault.Invalid for more than 5 MB.
func table(all []ref, id tenant.ID) ([]byte, error) {
	var b bytes.Buffer
	route.WriteRecord(&b, columns)
	for i := range all {
		r := all[i].resource(id)
		tags, err := json.Marshal(r.Tags)
		if err != nil {
			return nil, fmt.Errorf("write resources: %w", err)
		}
		cells := []string{string(r.ID), r.ARN, r.Type, r.Region, r.AccountID, string(r.ProjectID), r.Name, r.State, r.Class,
			text(r.CreatedAt), text(r.FirstSeenAt), text(r.LastSeenAt), text(r.GoneAt), string(tags)}
		for n := range cells {
			cells[n] = route.Harmless(cells[n])
		}
		route.WriteRecord(&b, cells)
		if b.Len() > maxCSV {
			return nil, fault.New(fault.Invalid, "The CSV would be over 5 MB. Filter more, or page through the JSON answer.")
		}
	}
	return b.Bytes(), nil
}

// text writes a time; none is empty.
func text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

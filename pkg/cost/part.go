package cost

import (
	"time"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// part is one stored part of a document: its bytes and, for whoever looks at the item alone, where they come from.
type part struct {
	Body      []byte    `json:"b"`
	AsOf      time.Time `json:"asOf"`
	Run       string    `json:"run"`
	Status    string    `json:"status"`
	Estimated bool      `json:"estimated"`
	Lines     int64     `json:"lines"`
	Hash      []byte    `json:"hash"`
}

// partKeys gives the keys of a document's parts.
func partKeys(p tenant.ProjectID, v document.View, e *Entry, d *Doc) []store.Key {
	keys := make([]store.Key, d.Parts)
	for n := range keys {
		if e.Year != 0 {
			keys[n] = store.YearDocument(p, e.Source, string(v), e.Year, MetricName(d.Of), d.Gen, n)
		} else {
			keys[n] = store.Document(p, e.Source, string(v), e.Period, MetricName(d.Of), d.Gen, n)
		}
	}
	return keys
}

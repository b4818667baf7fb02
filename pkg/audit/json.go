package audit

import (
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// JSON is a value as JSON text, at most 500 bytes; "" where there is none. It is stored as text and shown as the value that it is.
// What was longer is not JSON any more: its beginning and "...". That is shown as an object with the one member cut.
type JSON string

// beginning is how a value that was cut is shown.
type beginning struct {
	Cut string `json:"cut"`
}

// MarshalJSON gives the value, or the beginning of one that was cut.
func (v JSON) MarshalJSON() ([]byte, error) {
	if json.Valid([]byte(v)) {
		return []byte(v), nil
	}
	return json.Marshal(beginning{string(v)})
}

// UnmarshalJSON reads what MarshalJSON gives.
func (v *JSON) UnmarshalJSON(raw []byte) error {
	var b beginning
	if json.Unmarshal(raw, &b) == nil && b.Cut != "" && !json.Valid([]byte(b.Cut)) {
		*v = JSON(b.Cut)
		return nil
	}
	if !json.Valid(raw) {
		return fmt.Errorf("a value of the audit log is not JSON")
	}
	*v = JSON(raw)
	return nil
}

// Schema says that it is any value.
func (JSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: `A value as it was shown: text, number, true, false, null, array or object. One that is longer than 500 bytes as JSON, or less where ` +
			`many fields have changed, is {"cut": "..."}: the beginning of its JSON.`,
		Examples: []any{"viewer", []string{"prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, beginning{`{"rules":[{"key":"team","val...`}},
	}
}

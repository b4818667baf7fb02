package cost

import "github.com/tenantry/tenantry/pkg/packed"

// blob is how the ledger's items are stored.
type blob = packed.Item

func pack(v any) (blob, error) { return packed.Of(v) }

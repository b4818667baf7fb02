package cost

// What the fixture writes a ledger with.
var (
	PartKeys = partKeys
	Pack     = func(v any) (any, error) { return pack(v) }
)

// Stored is a document's part as it is stored.
func Stored(body []byte) any { return part{Body: body} }

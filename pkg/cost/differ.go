package cost

import (
	"github.com/tenantry/tenantry/pkg/money"
)

// Agrees tells whether the sum of so many amounts is a total: but for rounding, of which each amount and the total may have one unit of
// the tenth decimal, the last that AWS gives.
func Agrees(sum, total money.Amount, amounts int64) bool {
	rest, err := sum.Sub(total)
	if err != nil {
		return false
	}
	if rest.Sign() < 0 {
		rest = rest.Neg()
	}
	return rest.Cmp(money.FromScaled(amounts+1, 10)) <= 0
}

// Apart says in words how far a sum is from a total, "is 12.5 USD too high".
func Apart(rest money.Amount, currency string) string {
	switch rest.Sign() {
	case 0:
		return "is right in sum"
	case -1:
		return "is " + rest.Neg().String() + " " + currency + " too low"
	}
	return "is " + rest.String() + " " + currency + " too high"
}

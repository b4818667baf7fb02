// Package cost keeps each tenant's costs as documents and answers questions of them, exact to the last decimal.
package cost

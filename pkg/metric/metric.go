// Package metric keeps what the resources of customers' AWS accounts use, as CloudWatch tells it: a value for each day of a
// resource, metric and statistic. It is kept in documents of a month, by project and type of resource, so that a chart of a
// few resources reads a few items.
package metric

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// Point is the value of a UTC day: what CloudWatch gave, exactly. Values are no money.
type Point struct {
	_     struct{}     `cbor:",toarray" json:"-"`
	Date  calendar.Day `json:"date" format:"date"`
	Value float64      `json:"value"`
}

// Series is what one statistic of one metric of a resource was, day by day.
type Series struct {
	_         struct{} `cbor:",toarray"`
	ARN       string
	Type      string  // of the resource, as resource.Type gives it
	Metric    string  // as CloudWatch calls it: CPUUtilization
	Statistic string  // as CloudWatch calls it: Average, Maximum, Sum, p99
	Unit      string  // as CloudWatch calls it: Percent
	Points    []Point // of different days, ascending
}

func compare(a, b *Series) int {
	return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.ARN, b.ARN), strings.Compare(a.Metric, b.Metric), strings.Compare(a.Statistic, b.Statistic))
}

// name tells a series from all others.
type name struct{ arn, metric, statistic string }

func (s *Series) name() name { return name{s.ARN, s.Metric, s.Statistic} }

// digits gives the shortest decimal that is the value: digits times ten to a power. Of zero there is one.
func digits(v float64) (d int64, power int) {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d, _ = strconv.ParseInt(whole+fraction, 10, 64) // 17 digits at most
	power, _ = strconv.Atoi(exponent)
	if d == 0 {
		return 0, 0
	}
	return d, power - len(fraction)
}

// value is the inverse of digits; false where there is no such value.
func value(d int64, power int64) (float64, bool) {
	if power < -400 || power > 400 {
		return 0, false
	}
	v, err := strconv.ParseFloat(strconv.FormatInt(d, 10)+"e"+strconv.FormatInt(power, 10), 64)
	return v, err == nil && real(v)
}

// real tells whether a value is one, and no NaN or infinity.
func real(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

package demo

import (
	"hash/fnv"
	"math"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	resources "github.com/tenantry/tenantry/pkg/resource"
)

// measuredDays is for how long the demo's resources have been measured.
const measuredDays = 45

// scales are about how much of a unit is used on a usual day.
var scales = map[string]float64{"Percent": 35, "Bytes": 4e9, "Bytes/Second": 3e6, "Count": 1200, "Count/Second": 90, "Milliseconds": 180, "Seconds": 0.4}

// Metrics gives what resources of an account use up to a day, exclusive: less at weekends, each about its own level, the same whenever it
// is asked for.
func Metrics(found []resources.Sighting, until calendar.Day) (all []metric.Reading) {
	for i := range found {
		kind := resources.Type(found[i].ARN)
		of, ok := metric.Of(kind)
		if !ok {
			continue
		}
		for _, m := range of.Measures {
			for _, statistic := range m.Statistics {
				r := metric.Reading{From: until - measuredDays, Until: until, Series: metric.Series{ARN: found[i].ARN, Type: kind, Metric: m.Name, Statistic: statistic, Unit: m.Unit}}
				for d := r.From; d < until; d++ {
					r.Series.Points = append(r.Series.Points, metric.Point{Date: d, Value: used(found[i].ARN+m.Name, m.Unit, statistic, d)})
				}
				all = append(all, r)
			}
		}
	}
	return all
}

// used is a value: what is more than an average lies above it, and percent end at 100.
func used(name, unit, statistic string, d calendar.Day) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	level := 0.4 + float64(h.Sum32()%1000)/1000
	v := scales[unit] * level * (1 + 0.15*math.Sin(float64(d)+level*10))
	if weekday := d.Time().Weekday(); weekday == 0 || weekday == 6 {
		v *= 0.6
	}
	v *= map[string]float64{"Average": 1, "p99": 1.6, "Maximum": 1.9, "Sum": 300}[statistic]
	if unit == "Percent" {
		v = min(v, 100)
	}
	return math.Round(v*1000) / 1000
}

package cesim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// Request is GetCostAndUsage's.
type Request struct {
	TimePeriod    Interval
	Granularity   string
	Metrics       []string
	GroupBy       []Grouping  `json:",omitempty"`
	Filter        *Expression `json:",omitempty"`
	NextPageToken string      `json:",omitempty"`
}

// Interval is days, the end exclusive.
type Interval struct{ Start, End string }

// Grouping is a dimension or tag key to group by.
type Grouping struct{ Type, Key string }

// Expression filters; exactly one of its fields is there.
type Expression struct {
	And        []Expression `json:",omitempty"`
	Or         []Expression `json:",omitempty"`
	Not        *Expression  `json:",omitempty"`
	Dimensions *Match       `json:",omitempty"`
	Tags       *Match       `json:",omitempty"`
}

// Match is the values of a key.
type Match struct {
	Key          string
	Values       []string `json:",omitempty"`
	MatchOptions []string `json:",omitempty"`
}

// asked is a request that has passed the checks.
type asked struct {
	*Request
	start, end calendar.Day
	offset     int
	digest     string // of all but the token
}

var (
	dimensions    = []string{"LINKED_ACCOUNT", "SERVICE", "REGION", "RECORD_TYPE", "USAGE_TYPE"}
	metrics       = []string{"UnblendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost", "UsageQuantity"}
	granularities = []string{"DAILY", "MONTHLY"}
)

func decode(body []byte, into *Request) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// check refuses what Cost Explorer refuses.
func (s *Sim) check(r *Request) (*asked, *Fault) {
	a := &asked{Request: r}
	switch {
	case !slices.Contains(granularities, r.Granularity):
		return nil, invalid("Granularity %q is not one of %v", r.Granularity, granularities)
	case len(r.Metrics) == 0:
		return nil, invalid("Metrics must have at least one value")
	case len(r.GroupBy) > 2:
		return nil, invalid("The maximum number of GroupBy is 2")
	}
	for _, m := range r.Metrics {
		if !slices.Contains(metrics, m) {
			return nil, invalid("Metric %q is unknown", m)
		}
	}
	for _, g := range r.GroupBy {
		if g.Type != "TAG" && (g.Type != "DIMENSION" || !slices.Contains(dimensions, g.Key)) || len(g.Key) == 0 || len(g.Key) > 128 {
			return nil, invalid("GroupBy %s %q is not known", g.Type, g.Key)
		}
	}
	if r.Filter != nil {
		if err := r.Filter.check(); err != nil {
			return nil, invalid("%s", err)
		}
	}
	if fault := s.checkTime(a); fault != nil {
		return nil, fault
	}
	return a, a.checkToken()
}

func (s *Sim) checkTime(a *asked) *Fault {
	var err1, err2 error
	a.start, err1 = calendar.ParseDay(a.TimePeriod.Start)
	a.end, err2 = calendar.ParseDay(a.TimePeriod.End)
	today := calendar.DayOf(s.options.Clock())
	switch {
	case err1 != nil || err2 != nil:
		return invalid("TimePeriod must be yyyy-MM-dd")
	case a.start >= a.end:
		return invalid("Start date (and hour) should be before end date (and hour)")
	case a.start > today:
		return invalid("Start date cannot be after today")
	case a.start < (today.Month() - 13).First():
		return invalid("You haven't enabled historical data beyond 14 months")
	}
	return nil
}

// checkToken reads the place that a token names. It is that of the very same request, or refused.
func (a *asked) checkToken() *Fault {
	plain := *a.Request
	plain.NextPageToken = ""
	b, err := json.Marshal(plain)
	if err != nil {
		return invalid("%s", err)
	}
	sum := sha256.Sum256(b)
	a.digest = hex.EncodeToString(sum[:8])
	if a.NextPageToken == "" {
		return nil
	}
	digest, offset, _ := strings.Cut(a.NextPageToken, ".")
	if a.offset, err = strconv.Atoi(offset); err != nil || digest != a.digest {
		return &Fault{Code: "InvalidNextTokenException", Message: "The pagination token is invalid."}
	}
	return nil
}

func (e *Expression) check() error {
	n := 0
	for _, there := range []bool{e.And != nil, e.Or != nil, e.Not != nil, e.Dimensions != nil, e.Tags != nil} {
		if there {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("an Expression must have exactly one root operator, not %d", n)
	}
	for _, list := range [][]Expression{e.And, e.Or} {
		if list != nil && len(list) < 2 {
			return fmt.Errorf("the expressions And and Or need at least two operands")
		}
		for i := range list {
			if err := list[i].check(); err != nil {
				return err
			}
		}
	}
	if e.Not != nil {
		return e.Not.check()
	}
	if d := e.Dimensions; d != nil && (!slices.Contains(dimensions, d.Key) || len(d.Values) == 0) {
		return fmt.Errorf("the expression Dimensions %q needs a known key and values", d.Key)
	}
	if t := e.Tags; t != nil && (t.Key == "" || len(t.Values) == 0 && !slices.Contains(t.MatchOptions, "ABSENT")) {
		return fmt.Errorf("the expression Tags needs a key, and values or ABSENT")
	}
	return nil
}

// keeps tells whether a charge passes.
func (e *Expression) keeps(c *Charge) bool {
	one := func(sub Expression) bool { return sub.keeps(c) }
	switch {
	case e == nil:
		return true
	case e.And != nil:
		return !slices.ContainsFunc(e.And, func(sub Expression) bool { return !sub.keeps(c) })
	case e.Or != nil:
		return slices.ContainsFunc(e.Or, one)
	case e.Not != nil:
		return !e.Not.keeps(c)
	case e.Dimensions != nil:
		return slices.Contains(e.Dimensions.Values, c.dimension(e.Dimensions.Key))
	}
	value, there := c.Tags[e.Tags.Key]
	if slices.Contains(e.Tags.MatchOptions, "ABSENT") {
		return !there
	}
	return there && slices.Contains(e.Tags.Values, value)
}

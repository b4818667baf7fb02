package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// Expression says when slots are, in UTC. It is the part of what EventBridge Scheduler knows
// (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html) that has at most one slot an hour:
//
//	cron(minute hours day-of-month month day-of-week *), one minute of 0 to 59; the rest *, numbers, names, lists, ranges and steps;
//	? in one of the two days, and only there
//	rate(n minutes|hours|days), counted from the beginning of 1970
//
// The zero Expression has no slots.
type Expression struct {
	text   string
	period time.Duration // of a rate
	cron   cron.Schedule
}

// String is the expression as it was read.
func (e Expression) String() string { return e.text }

// Rate is the time between the slots of a rate, 0 of any other.
func (e Expression) Rate() time.Duration { return e.period }

const maxExpression = 100 // characters

// ParseExpression reads an expression in its one spelling. Errors are for the person who wrote it.
func ParseExpression(s string) (Expression, error) {
	inner, is := strings.CutSuffix(s, ")")
	switch rate, isRate := strings.CutPrefix(inner, "rate("); {
	case len(s) > maxExpression:
	case is && isRate:
		return parseRate(s, rate)
	case is && strings.HasPrefix(inner, "cron("):
		return parseCron(s, strings.TrimPrefix(inner, "cron("))
	}
	return Expression{}, fmt.Errorf("it must be cron(minute hours day-of-month month day-of-week *) or rate(n hours), as cron(0 6 * * ? *)")
}

var rateForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([1-9][0-9]{0,4}) (minute|hour|day)(s?)$`) })

var units = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

func parseRate(text, rate string) (Expression, error) {
	m := rateForm().FindStringSubmatch(rate)
	if m == nil {
		return Expression{}, fmt.Errorf("a rate is a number and minutes, hours or days, as rate(6 hours)")
	}
	n, _ := strconv.Atoi(m[1]) // of at most 5 digits
	if (n == 1) != (m[3] == "") {
		return Expression{}, fmt.Errorf("a rate has one minute, hour or day, and several minutes, hours or days")
	}
	return Expression{text: text, period: time.Duration(n) * units[m[2]]}, nil
}

const (
	fieldMinute = iota
	fieldHour
	fieldDay
	fieldMonth
	fieldWeekday
	fieldYear
	fieldCount
)

var (
	minuteForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-5]?[0-9]$`) })
	// part is a number or name, a range of two, or all; with a step where it is more than one value.
	fieldForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\?|` + part + `(,` + part + `)*)$`) })
	weekday   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|[,-])([0-9]+)`) })
)

const (
	value = `([0-9]{1,2}|[A-Z]{3})`
	part  = `(\*|` + value + `(-` + value + `)?)(/[0-9]{1,2})?`
)

func parseCron(text, inner string) (Expression, error) {
	f := strings.Split(inner, " ")
	if len(f) != fieldCount {
		return Expression{}, fmt.Errorf("cron has 6 fields with one blank between two: minute, hours, day of month, month, day of week and year")
	}
	if !minuteForm().MatchString(f[fieldMinute]) {
		return Expression{}, fmt.Errorf("the minute must be one number from 0 to 59: there is at most one run an hour")
	}
	if f[fieldYear] != "*" {
		return Expression{}, fmt.Errorf("the year must be *")
	}
	for _, field := range f[fieldHour:fieldYear] {
		if !fieldForm().MatchString(field) {
			return Expression{}, fmt.Errorf("%q is none of *, ?, a number, a name, a list, a range or a step; L, W and # are not known", field)
		}
	}
	if f[fieldHour] == "?" || f[fieldMonth] == "?" || (f[fieldDay] == "?") == (f[fieldWeekday] == "?") {
		return Expression{}, fmt.Errorf("one of day of month and day of week must be ?, and nothing else")
	}
	// Sunday is 1 there and 0 here.
	var wrong error
	days := weekday().ReplaceAllStringFunc(f[fieldWeekday], func(s string) string {
		digits := strings.TrimLeft(s, ",-")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > 7 {
			wrong = fmt.Errorf("a day of the week is 1 (Sunday) to 7, or SUN to SAT")
		}
		return strings.TrimSuffix(s, digits) + strconv.Itoa(n-1)
	})
	if wrong != nil {
		return Expression{}, wrong
	}
	p := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	c, err := p.Parse(strings.Join([]string{f[fieldMinute], f[fieldHour], f[fieldDay], f[fieldMonth], days}, " "))
	if err != nil {
		return Expression{}, fmt.Errorf("a field is beyond its bounds: hours are 0 to 23, days 1 to 31, months 1 to 12, days of the week 1 (Sunday) to 7, steps 1 or more")
	}
	return Expression{text: text, cron: c}, nil
}

// Next is the first slot after a time; the zero time where there is none.
func (e Expression) Next(after time.Time) time.Time {
	after = after.UTC()
	switch {
	case e.period > 0:
		seconds := int64(e.period / time.Second)
		return time.Unix((after.Unix()/seconds+1)*seconds, 0).UTC()
	case e.cron != nil:
		return e.cron.Next(after)
	}
	return time.Time{}
}

// Latest is the last slot that is after a time and not after until; the zero time where there is none.
func (e Expression) Latest(after, until time.Time) (slot time.Time) {
	if e.period > 0 {
		seconds := int64(e.period / time.Second)
		if slot = time.Unix(until.Unix()/seconds*seconds, 0).UTC(); slot.After(after) {
			return slot
		}
		return time.Time{}
	}
	if earliest := until.Add(-2 * maxGap); after.Before(earliest) {
		after = earliest
	}
	for next := e.Next(after); !next.IsZero() && !next.After(until); next = e.Next(next) {
		slot = next
	}
	return slot
}

// gaps gives the least and the greatest time between two slots, over a year without a 29 February; beyond what is asked
// for it is not looked further.
func (e Expression) gaps(least, most time.Duration) (time.Duration, time.Duration) {
	if e.period > 0 {
		return e.period, e.period
	}
	from := time.Date(2024, 12, 31, 23, 59, 59, 0, time.UTC)
	until := from.AddDate(1, 2, 0)
	shortest, longest := until.Sub(from), time.Duration(0)
	last := e.Next(from)
	if last.IsZero() || last.After(until) {
		return shortest, shortest
	}
	longest = last.Sub(from)
	for next := e.Next(last); shortest >= least && longest <= most && last.Before(until); last, next = next, e.Next(next) {
		if next.IsZero() {
			return shortest, until.Sub(from)
		}
		shortest, longest = min(shortest, next.Sub(last)), max(longest, next.Sub(last))
	}
	return shortest, longest
}

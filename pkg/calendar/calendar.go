// Package calendar holds UTC days and months as small integers, the columns of cost documents.
package calendar

import (
	"fmt"
	"time"
)

// Day is a UTC day, counted from 1970-01-01.
type Day int32

// Month is a UTC calendar month: year*12 + month-1.
type Month int32

// Years that dates may lie in; what is outside of them is refused.
const (
	MinYear = 1990
	MaxYear = 2100
)

// DayOf is the UTC day of t.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / 86400
	if s%86400 < 0 {
		d--
	}
	return Day(d)
}

// Date gives the day of a proleptic Gregorian date.
func Date(year int, month time.Month, day int) Day {
	return DayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// ParseDay reads yyyy-mm-dd between MinYear and MaxYear.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("not a date of the form yyyy-mm-dd")
	}
	if t.Year() < MinYear || t.Year() > MaxYear {
		return 0, fmt.Errorf("years go from %d to %d", MinYear, MaxYear)
	}
	return DayOf(t), nil
}

// Time is the day's first instant.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// The Gregorian calendar repeats after 400 years. Years are taken to begin in March, so that a leap day is their last: see
// https://howardhinnant.github.io/date_algorithms.html.
const (
	cycleDays = 146097
	cycleZero = 719468 // days from 0000-03-01 to 1970-01-01
	march     = 2      // months from January
)

// Month is the month the day lies in.
func (d Day) Month() Month {
	cycle, day := floor(int(d)+cycleZero, cycleDays)
	year := (day - day/1460 + day/36524 - day/146096) / 365
	ofYear := day - (365*year + year/4 - year/100)
	return Month((cycle*400+year)*12 + (5*ofYear+2)/153 + march)
}

// floor divides, rounding down, by n > 0.
func floor(a, n int) (quotient, rest int) {
	if quotient, rest = a/n, a%n; rest < 0 {
		return quotient - 1, rest + n
	}
	return quotient, rest
}

// String is yyyy-mm-dd.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText is String.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDay.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}

// MonthOf is the UTC month of t.
func MonthOf(t time.Time) Month {
	t = t.UTC()
	return Month(t.Year()*12 + int(t.Month()) - 1)
}

// ParseMonth reads yyyy-mm between MinYear and MaxYear.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, fmt.Errorf("not a month of the form yyyy-mm")
	}
	if t.Year() < MinYear || t.Year() > MaxYear {
		return 0, fmt.Errorf("years go from %d to %d", MinYear, MaxYear)
	}
	return MonthOf(t), nil
}

// First is the month's first day.
func (m Month) First() Day {
	years, month := floor(int(m)-march, 12)
	cycle, year := floor(years, 400)
	return Day(cycle*cycleDays + year*365 + year/4 - year/100 + (153*month+2)/5 - cycleZero)
}

// Last is the month's last day.
func (m Month) Last() Day { return (m + 1).First() - 1 }

// Year is the calendar year.
func (m Month) Year() int { return int(m / 12) }

// String is yyyy-mm.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year(), m%12+1) }

// MarshalText is String.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMonth.
func (m *Month) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMonth(string(text))
	return err
}

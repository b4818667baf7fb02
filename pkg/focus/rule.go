package focus

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
)

const (
	null        = "NULL"
	maxText     = 2048     // bytes of a text, a tag key or a tag value
	maxTags     = 64 << 10 // bytes of all tags of a line
	wantInstant = "expected a date such as 2026-01-31 or 2026-01-31T00:00:00Z"
)

// textSymbol interns a text of column d that passes its rules.
func textSymbol(symbols *Symbols, d Dim, hash uint32, text []byte) (Symbol, string) {
	if y := symbols.find(&symbols.columns[d], hash, text); y != 0 {
		return y, ""
	}
	if reason := checkText(d, text); reason != "" {
		return 0, reason
	}
	return symbols.add(&symbols.columns[d], hash, text), ""
}

// checkText gives what is wrong with a text of column d, "" for nothing.
func checkText(d Dim, text []byte) string {
	if reason := checkCharacters(text); reason != "" {
		return reason
	}
	switch d {
	case BillingCurrency:
		if _, err := money.ParseCurrency(text); err != nil {
			return "expected an ISO 4217 currency code such as USD"
		}
	case ChargeCategory:
		switch string(text) {
		case "Usage", "Purchase", "Tax", "Credit", "Adjustment":
		default:
			return "expected Usage, Purchase, Tax, Credit or Adjustment"
		}
	case ChargeClass:
		if string(text) != "Correction" {
			return "expected Correction or null"
		}
	}
	return ""
}

func checkCharacters(text []byte) string {
	if len(text) > maxText {
		return fmt.Sprintf("longer than %d bytes", maxText)
	}
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return "not valid UTF-8"
		}
		if unicode.IsControl(r) {
			return fmt.Sprintf("holds the control character U+%04X", r)
		}
		i += size
	}
	return ""
}

// number is a nullable amount.
type number struct {
	amount  money.Amount
	rounded *money.Residual
	present bool
}

func parseNumber(text []byte) (number, string) {
	amount, rounded, err := money.Parse(text)
	switch {
	case err == nil:
		return number{amount, rounded, true}, ""
	case errors.Is(err, money.ErrOverflow):
		return number{}, "the number is too large: amounts go up to 1.7e20 either way"
	case bytes.IndexByte(text, ',') >= 0:
		return number{}, "expected a decimal number such as -1234.56, without thousands separators"
	}
	return number{}, "expected a decimal number such as -1234.56 or 1.5e-7"
}

// instant is a point in time in nanoseconds since 1970, between calendar.MinYear and calendar.MaxYear.
type instant int64

var (
	firstInstant = time.Date(calendar.MinYear, 1, 1, 0, 0, 0, 0, time.UTC)
	afterInstant = time.Date(calendar.MaxYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	wrongYear    = fmt.Sprintf("expected a year from %d to %d", calendar.MinYear, calendar.MaxYear)
)

const perDay = instant(24 * time.Hour)

func (t instant) day() calendar.Day     { return calendar.Day(t / perDay) } // no instant is before 1970
func (t instant) month() calendar.Month { return t.day().Month() }
func (t instant) String() string        { return time.Unix(0, int64(t)).UTC().Format(time.RFC3339Nano) }

// instantOf gives the instant of a count of seconds since 1970.
func instantOf(seconds, nanos int64) (instant, string) {
	if seconds < firstInstant.Unix() || seconds >= afterInstant.Unix() {
		return 0, wrongYear
	}
	return instant(seconds*int64(time.Second) + nanos), ""
}

// parseInstant reads yyyy-mm-dd, alone or followed by T or a space, hh:mm, :ss, a fraction, and Z, UTC or an offset.
// Without an offset it is UTC.
func parseInstant(text []byte) (instant, string) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, wantInstant
	}
	century, ok1 := pair(text)
	year, ok2 := pair(text[2:])
	month, ok3 := pair(text[5:])
	day, ok4 := pair(text[8:])
	year += 100 * century
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, wantInstant
	}
	clock, nanos, ok := parseClock(text[10:])
	if !ok {
		return 0, wantInstant
	}
	return instantOf(daysBefore(year, month, day)*86400+clock, nanos)
}

// daysBefore counts the days from 1970-01-01 to a date of the Gregorian calendar. Years are taken to begin in March.
func daysBefore(year, month, day int) int64 {
	if month < 3 {
		year, month = year-1, month+12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468)
}

// parseClock reads what follows the date: seconds since midnight UTC and nanoseconds.
func parseClock(text []byte) (seconds, nanos int64, ok bool) {
	if len(text) == 0 {
		return 0, 0, true
	}
	if text[0] != 'T' && text[0] != ' ' && text[0] != 't' || len(text) < 6 || text[3] != ':' {
		return 0, 0, false
	}
	hour, ok1 := pair(text[1:])
	minute, ok2 := pair(text[4:])
	second, ok3 := 0, true
	text = text[6:]
	if len(text) >= 3 && text[0] == ':' {
		second, ok3 = pair(text[1:])
		text = text[3:]
		if len(text) > 1 && text[0] == '.' && text[1]-'0' <= 9 {
			nanos, text = fraction(text[1:])
		}
	}
	offset, ok4 := parseOffset(text)
	ok = ok1 && ok2 && ok3 && ok4 && hour < 24 && minute < 60 && second < 60
	return int64(hour*3600+minute*60+second) - offset, nanos, ok
}

// fraction reads the digits of a fraction of a second; those beyond nanoseconds are cut off.
func fraction(text []byte) (nanos int64, rest []byte) {
	unit := int64(time.Second)
	for len(text) > 0 && text[0]-'0' <= 9 {
		unit /= 10
		nanos += int64(text[0]-'0') * unit
		text = text[1:]
	}
	return nanos, text
}

// parseOffset reads Z, UTC, +hh, +hhmm or +hh:mm, in seconds.
func parseOffset(text []byte) (int64, bool) {
	switch string(text) {
	case "", "Z", "z", " UTC":
		return 0, true
	}
	sign := int64(1)
	switch text[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	text = text[1:]
	if len(text) == 5 && text[2] == ':' {
		text = []byte{text[0], text[1], text[3], text[4]}
	}
	if len(text) != 2 && len(text) != 4 {
		return 0, false
	}
	minutes, minutesOK := 0, true
	if len(text) == 4 {
		minutes, minutesOK = pair(text[2:])
	}
	hours, hoursOK := pair(text)
	return sign * int64(hours*3600+minutes*60), hoursOK && minutesOK && hours < 24 && minutes < 60
}

// pair reads the two digits that text begins with.
func pair(text []byte) (n int, ok bool) {
	tens, ones := text[0]-'0', text[1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
)

func TestDaysAndMonthsAgreeWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-3_000_000_000, 4_000_000_000).Draw(t, "seconds"), 0).UTC()
		d, m := calendar.DayOf(at), calendar.MonthOf(at)
		require.Equal(t, at.Format(time.DateOnly), d.String())
		require.Equal(t, at.Format("2006-01"), m.String())
		require.Equal(t, m, d.Month())
		require.Equal(t, at.Year(), m.Year())
		require.LessOrEqual(t, m.First(), d)
		require.GreaterOrEqual(t, m.Last(), d)
		require.Equal(t, m, m.Last().Month())
		require.Equal(t, m+1, (m.Last() + 1).Month())
		require.Equal(t, d.Time(), at.Truncate(24*time.Hour))
	})
}

func TestParsing(t *testing.T) {
	for _, text := range []string{"1990-01-01", "2024-02-29", "2100-12-31"} {
		var d calendar.Day
		require.NoError(t, d.UnmarshalText([]byte(text)))
		b, err := d.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(b))
		m, err := calendar.ParseMonth(text[:7])
		require.NoError(t, err)
		require.Equal(t, text[:7], m.String())
	}
	for _, text := range []string{"", "0001-01-01", "1989-12-31", "2101-01-01", "2023-02-29", "2024-1-1", "2024-01-01T00:00:00Z", "20240101"} {
		_, err := calendar.ParseDay(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"", "2024", "2024-13", "1989-12", "2024-01-01"} {
		var m calendar.Month
		require.Error(t, m.UnmarshalText([]byte(text)), text)
	}
}

func TestEveryDayIsInItsMonth(t *testing.T) {
	for at := time.Date(1985, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2105; at = at.AddDate(0, 0, 1) {
		d := calendar.DayOf(at)
		require.Equal(t, calendar.MonthOf(at), d.Month(), at)
		require.Equal(t, calendar.Date(at.Year(), at.Month(), 1), d.Month().First(), at)
	}
	for _, d := range []calendar.Day{-1, -719468, -719469, -800000, 1 << 30, -1 << 30} { // what a damaged document may say
		at := time.Unix(int64(d)*86400, 0).UTC()
		require.Equal(t, calendar.MonthOf(at), d.Month(), at)
		require.Equal(t, calendar.DayOf(at.AddDate(0, 0, 1-at.Day())), d.Month().First(), at)
	}
}

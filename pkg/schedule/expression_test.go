package schedule_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/schedule"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestSlots(t *testing.T) {
	for name, test := range map[string]struct{ expression, after, next string }{
		"every day":                        {"cron(0 6 * * ? *)", "2026-03-02T06:00:00Z", "2026-03-03T06:00:00Z"},
		"every day, a second before":       {"cron(0 6 * * ? *)", "2026-03-02T05:59:59Z", "2026-03-02T06:00:00Z"},
		"on the hours of a step":           {"cron(15 0/6 * * ? *)", "2026-03-02T12:15:00Z", "2026-03-02T18:15:00Z"},
		"on workdays":                      {"cron(30 18 ? * MON-FRI *)", "2026-03-06T18:30:00Z", "2026-03-09T18:30:00Z"},
		"on Sunday, which is 1":            {"cron(0 0 ? * 1 *)", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"},
		"on Saturday, which is 7":          {"cron(0 0 ? * 7 *)", "2026-03-02T00:00:00Z", "2026-03-07T00:00:00Z"},
		"on days of a list and a range":    {"cron(0 0 ? * 2,4-5 *)", "2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z"},
		"on the first of the months named": {"cron(0 3 1 JAN,JUL ? *)", "2026-03-02T00:00:00Z", "2026-07-01T03:00:00Z"},
		"over the end of a year":           {"cron(0 3 1 * ? *)", "2026-12-02T00:00:00Z", "2027-01-01T03:00:00Z"},
		"of a rate that divides the day":   {"rate(6 hours)", "2026-03-02T06:00:00Z", "2026-03-02T12:00:00Z"},
		"of a rate of days":                {"rate(1 day)", "2026-03-02T06:00:00Z", "2026-03-03T00:00:00Z"},
		"of a rate that does not":          {"rate(5 hours)", "1970-01-01T09:59:59Z", "1970-01-01T10:00:00Z"},
		"from a time in another zone":      {"cron(0 6 * * ? *)", "2026-03-02T06:30:00+02:00", "2026-03-02T06:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := schedule.ParseExpression(test.expression)
			require.NoError(t, err)
			require.Equal(t, at(test.next).UTC(), e.Next(at(test.after)))
			require.Equal(t, test.expression, e.String())
		})
	}
}

func TestWhatIsNoExpression(t *testing.T) {
	for name, test := range map[string]struct{ expression, says string }{
		"nothing":                  {"", "as cron(0 6 * * ? *)"},
		"a cron of 5 fields":       {"cron(0 6 * * *)", "6 fields"},
		"two blanks":               {"cron(0  6 * * ? *)", "6 fields"},
		"a bare cron":              {"0 6 * * ? *", "cron(minute"},
		"several minutes":          {"cron(0,30 6 * * ? *)", "one number"},
		"every minute":             {"cron(* * * * ? *)", "one number"},
		"a minute of 60":           {"cron(60 6 * * ? *)", "one number"},
		"a year":                   {"cron(0 6 * * ? 2026)", "year"},
		"the last day":             {"cron(0 6 L * ? *)", "L, W and #"},
		"the nearest workday":      {"cron(0 6 15W * ? *)", "L, W and #"},
		"the third Friday":         {"cron(0 6 ? * 6#3 *)", "L, W and #"},
		"both days":                {"cron(0 6 1 * 2 *)", "must be ?"},
		"neither day":              {"cron(0 6 ? * ? *)", "must be ?"},
		"hours that are ?":         {"cron(0 ? * * ? *)", "must be ?"},
		"an hour of 24":            {"cron(0 24 * * ? *)", "bounds"},
		"a day of 0":               {"cron(0 6 0 * ? *)", "bounds"},
		"a weekday of 0":           {"cron(0 6 ? * 0 *)", "1 (Sunday)"},
		"a weekday of 8":           {"cron(0 6 ? * 8 *)", "1 (Sunday)"},
		"a month that is none":     {"cron(0 6 * FOO ? *)", "bounds"},
		"a range backwards":        {"cron(0 6-3 * * ? *)", "bounds"},
		"a step of 0":              {"cron(0 0/0 * * ? *)", "bounds"},
		"a rate without a unit":    {"rate(5)", "rate(6 hours)"},
		"a rate of weeks":          {"rate(1 week)", "rate(6 hours)"},
		"a rate of 0":              {"rate(0 hours)", "rate(6 hours)"},
		"a fraction":               {"rate(1.5 hours)", "rate(6 hours)"},
		"one hours":                {"rate(1 hours)", "one minute, hour or day"},
		"two hour":                 {"rate(2 hour)", "one minute, hour or day"},
		"a leading zero":           {"rate(06 hours)", "rate(6 hours)"},
		"a time":                   {"at(2026-03-02T06:00:00)", "cron(minute"},
		"a time zone":              {"CRON_TZ=Europe/Berlin 0 6 * * *", "cron(minute"},
		"a time zone within":       {"cron(TZ=UTC 6 * * ? *)", "one number"},
		"a descriptor":             {"cron(@daily)", "6 fields"},
		"a newline":                {"cron(0 6 * * ? *)\n", "cron(minute"},
		"more after the end":       {"cron(0 6 * * ? *) ", "cron(minute"},
		"a text beyond all bounds": {"cron(0 " + string(make([]byte, 200)) + ")", "cron(minute"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := schedule.ParseExpression(test.expression)
			require.ErrorContains(t, err, test.says)
		})
	}
}

// crons are expressions that are mostly taken.
var crons = rapid.Custom(func(t *rapid.T) string {
	field := func(of string) string { return rapid.StringMatching(of).Draw(t, "field") }
	days := [2]string{field(`\*|[1-9]|[12][0-9](-30)?|[1-5]/[1-9]`), "?"}
	if rapid.Bool().Draw(t, "weekdays") {
		days = [2]string{"?", field(`\*|[1-7]|(SUN|MON)(-SAT)?|[1-3],[4-7]`)}
	}
	return "cron(" + field(`[0-5][0-9]`) + " " + field(`\*|[0-9]|1[0-9](-2[0-3])?|[0-5]/[1-9]`) + " " + days[0] + " " + field(`\*|[1-9]|[1-3]/[1-4]|JAN-DEC`) + " " +
		days[1] + " *)"
})

var rates = rapid.StringMatching(`rate\([2-9][0-9]? (minutes|hours|days)\)`)

// The latest slot until a time is the one that going on from slot to slot comes to.
func TestTheLatestSlotIsTheLastOfAllThatCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(crons, rates).Draw(t, "expression")
		e, err := schedule.ParseExpression(text)
		if err != nil {
			return
		}
		after := at("2026-01-01T00:00:00Z").Add(time.Duration(rapid.Int64Range(0, 365*24*3600).Draw(t, "after")) * time.Second)
		until := after.Add(time.Duration(rapid.Int64Range(0, 40*24*3600).Draw(t, "time")) * time.Second)
		var want time.Time
		for next := e.Next(after); !next.IsZero() && !next.After(until); next = e.Next(next) {
			require.True(t, next.After(want))
			require.Zero(t, next.Nanosecond())
			require.Zero(t, next.Second())
			want = next
		}
		require.Equal(t, want, e.Latest(after, until))
	})
}

func FuzzParseExpression(f *testing.F) {
	for _, seed := range []string{"cron(0 6 * * ? *)", "cron(30 18 ? * MON-FRI *)", "rate(6 hours)", "cron(0 0/6 1,15 JAN ? *)", "rate(", "cron()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := schedule.ParseExpression(s)
		if err != nil {
			return
		}
		require.Equal(t, s, e.String())
		from := at("2026-01-01T00:00:00Z")
		if next := e.Next(from); !next.IsZero() {
			require.True(t, next.After(from))
			require.Equal(t, next, e.Latest(from, next))
		}
	})
}

package dataexport_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/connection"
)

// TestAnExportIsTakenAwayMidway has a connection changed between two steps of a slot.
func TestAnExportIsTakenAwayMidway(t *testing.T) {
	for name, change := range map[string]func(*connection.Connection){
		"away":  func(c *connection.Connection) { c.Exports = nil },
		"moved": func(c *connection.Connection) { c.Exports[0].Prefix = "elsewhere" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, daily())
			cost := &then{}
			w.collector.Then = cost
			w.deliver("2026-02", "", "csv.gz", "1.2", 3, w.lines("2026-02", "1", 60))
			w.app.Advance(15 * time.Minute)
			w.slot = w.app.Now().UTC()
			w.until = w.slot.Add(time.Minute)
			w.files.before = func(int) error {
				w.app.Advance(time.Minute) // the step's time is over in the midst of a delivery
				return nil
			}
			more, err := w.step()
			require.NoError(t, err)
			require.True(t, more)
			require.NotZero(t, w.files.writes)
			w.until, w.files.before = time.Time{}, nil
			change(&w.con)
			more, err = w.step()
			require.NoError(t, err)
			require.False(t, more)
			require.Equal(t, 1, cost.asked, "and the slot goes on")
			w.app.Work(t)
			require.Empty(t, w.raw(), "what was copied is given up")
			require.Equal(t, "0", w.total())
		})
	}
}

// TestAManifestOfManyNamesIsRefused bounds the work that a manifest of the largest size may be.
func TestAManifestOfManyNamesIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, says string }{
		"files":       {"N.csv.gz", "more than 1500 files"},
		"folders":     {"N/a.csv.gz", "in more than 20 folders"},
		"one of them": {"a.csv.gz", "a.csv.gz, which is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, daily())
			var b strings.Builder
			b.WriteString(`{"dataFiles":[`)
			for n := 0; b.Len() < 4<<20-100; n++ {
				fmt.Fprintf(&b, `"%sdata/%s",`, w.root(), strings.ReplaceAll(test.file, "N", fmt.Sprint(n)))
			}
			w.put(w.root()+"metadata/BILLING_PERIOD=2026-02/daily-Manifest.json", []byte(strings.TrimSuffix(b.String(), ",")+"]}"))
			begun := time.Now()
			calls := w.collect()
			require.Less(t, time.Since(begun), 30*time.Second)
			require.Contains(t, strings.Join(w.said, " "), test.says)
			require.LessOrEqual(t, calls["s3:ListBucket"], 2)
		})
	}
}

package dataexport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
)

// then notes that it was asked to collect.
type then struct{ asked int }

func (c *then) Collect(context.Context, *collect.Task) (bool, error) {
	c.asked++
	return false, nil
}

func TestAWorkerIsKilledAnywhere(t *testing.T) {
	w := newTester(t, daily())
	w.deliver("2026-02", "", "csv.gz", "1.2", 3, w.lines("2026-02", "1", 60))
	w.app.Advance(15 * time.Minute)
	w.slot = w.app.Now().UTC()
	killed := errors.New("killed")
	for kill := 1; ; kill++ {
		n := 0
		w.files.before = func(int) error {
			if n++; n == kill {
				return killed
			}
			return nil
		}
		_, err := w.step()
		if n < kill {
			require.NoError(t, err)
			require.Greater(t, kill, 3, "it was killed in each file")
			break
		}
		require.ErrorIs(t, err, killed)
		require.Empty(t, w.deliveries(), "half of it is nothing")
		require.Equal(t, "0", w.total())
	}
	_, err := w.step()
	require.NoError(t, err, "the slot once more")
	w.app.Work(t)
	require.Len(t, w.deliveries(), 1)
	require.Equal(t, "60", w.total())
	require.Len(t, w.raw(), 3, "nothing is left over")
}

func TestAFileThatChangesMidwayIsTakenAnew(t *testing.T) {
	for name, times := range map[string]int{"once": 1, "always": 1000} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, daily())
			w.deliver("2026-02", "", "csv.gz", "1.2", 3, w.lines("2026-02", "1", 60))
			w.files.before = func(n int) error {
				if n == 2 || times > 1 && n%3 == 2 {
					w.deliver("2026-02", "", "csv.gz", "1.2", 3, w.lines("2026-02", fmt.Sprint(n), 60))
				}
				return nil
			}
			w.collect()
			if times == 1 {
				require.Equal(t, "120", w.total(), "all of the later one and nothing of the earlier")
				require.Len(t, w.deliveries(), 1)
				return
			}
			require.Equal(t, "0", w.total())
			require.Contains(t, strings.Join(w.said, " "), "is being delivered just now")
			require.Empty(t, w.raw(), "nothing is left over")
			w.files.before = nil
			w.collect()
			require.Len(t, w.deliveries(), 1, "the next run takes it")
		})
	}
}

func TestWhatIsWrongIsSaidAndCostExplorerGoesOn(t *testing.T) {
	manifest := func(w *tester, body string) {
		w.put(w.root()+"metadata/BILLING_PERIOD=2026-02/daily-Manifest.json", []byte(body))
	}
	for name, test := range map[string]struct {
		spoil func(w *tester)
		says  string
	}{
		"the bucket may not be listed": {func(w *tester) { w.clouds.Allow(w, w.con.AccountID, "read", "s3:GetObject") },
			"cannot be read: the role does not allow s3:ListBucket on arn:aws:s3:::"},
		"files may not be read": {func(w *tester) { w.clouds.Allow(w, w.con.AccountID, "read", "s3:ListBucket") },
			"cannot be read: the role does not allow s3:GetObject on arn:aws:s3:::"},
		"no bucket":          {func(w *tester) { w.con.Exports[0].Bucket = "there-is-none-of-this" }, "there is no bucket there-is-none-of-this"},
		"nothing delivered":  {func(w *tester) { w.con.Exports[0].Name = "other" }, "The export other has not been delivered yet"},
		"no manifest of AWS": {func(w *tester) { manifest(w, "no") }, "its manifest is not what AWS writes"},
		"no files":           {func(w *tester) { manifest(w, `{"dataFiles":[]}`) }, "its manifest names no files"},
		"another bucket":     {func(w *tester) { manifest(w, `{"dataFiles":["s3://other/focus/payer/daily/data/x.csv.gz"]}`) }, "which is not below s3://"},
		"another folder":     {func(w *tester) { manifest(w, `{"dataFiles":["focus/payer/daily/data/../../secret"]}`) }, "which is not below s3://"},
		"a file not there":   {func(w *tester) { w.remove("data/BILLING_PERIOD=2026-02/daily-00002.csv.gz") }, "daily-00002.csv.gz, which is not there"},
		"files that come now": {func(w *tester) {
			w.later()
			w.put(w.root()+"data/BILLING_PERIOD=2026-02/daily-00001.csv.gz", []byte("x"))
		}, "is newer than its manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, daily())
			cost := &then{}
			w.collector.Then = cost
			w.deliver("2026-02", "", "csv.gz", "1.2", 2, w.lines("2026-02", "1", 4))
			test.spoil(w)
			w.collect()
			require.Contains(t, strings.Join(w.said, " "), test.says)
			require.Equal(t, 1, cost.asked)
			require.Empty(t, w.deliveries())
			require.Equal(t, "0", w.total())
			require.Empty(t, w.raw())
		})
	}
}

func TestADeliveryThatCannotBeReadIsTakenAgain(t *testing.T) {
	w := newTester(t, daily())
	w.deliver("2026-02", "", "csv.gz", "1.2", 1, w.lines("2026-02", "1", 4))
	w.con.Exports[0].Format = "parquet" // which it is not
	w.collect()
	require.Equal(t, "failed", w.deliveries()[0].Status)
	w.collect()
	require.Contains(t, strings.Join(w.said, " "), "could not be read, and is taken again")
	w.con.Exports[0].Format = ""
	w.collect()
	require.Equal(t, "4", w.total())
}

func TestTwoExportsOfOneNameAreTwoSources(t *testing.T) {
	w := newTester(t, daily())
	w.deliver("2026-02", "", "csv.gz", "1.2", 1, w.lines("2026-02", "1", 4))
	hourly := w.con.Exports[0]
	hourly.Name = "hourly"
	w.con.Exports = append(w.con.Exports, hourly)
	w.collect()
	require.Equal(t, "4", w.total())
	require.Len(t, w.said, 1, "one has not been delivered, which holds up the other not")
	w.con.Exports = []connection.Export{hourly}
	w.collect()
	require.Equal(t, "4", w.total(), "what was taken stays")
}

func (t *tester) remove(name string) {
	bucket, key := t.export().Bucket, t.root()+name
	_, err := t.owner.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	require.NoError(t, err)
}

package metric_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/packed"
)

const instance = "ec2:instance"

var february = calendar.Date(2024, 2, 1).Month()

// drawnValue is any value that there is.
var drawnValue = rapid.Custom(func(t *rapid.T) float64 {
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 0.1, 3.2833333333333337, 1e21, 5e-324, math.MaxFloat64, -math.MaxFloat64, 1 << 53, 123456789012}),
		rapid.Map(rapid.Uint64(), math.Float64frombits)).Filter(func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }).Draw(t, "value")
})

// drawnSeries is any series of a leap February.
var drawnSeries = rapid.Custom(func(t *rapid.T) *metric.Series {
	s := &metric.Series{Type: instance, ARN: rapid.SampledFrom([]string{"arn:aws:ec2:eu-west-1:111122223333:instance/", "x", "arn:aws:s3:::"}).Draw(t, "arn") + rapid.StringMatching(`[a-c/]{0,2}`).Draw(t, "rest"),
		Metric: rapid.SampledFrom([]string{"CPUUtilization", "NetworkIn", ""}).Draw(t, "metric"), Statistic: rapid.SampledFrom([]string{"Average", "p99"}).Draw(t, "statistic"), Unit: "Percent", Points: []metric.Point{}}
	for d := february.First(); d <= february.Last(); d++ {
		if rapid.Bool().Draw(t, "there") {
			s.Points = append(s.Points, metric.Point{Date: d, Value: drawnValue.Draw(t, "value")})
		}
	}
	return s
})

func TestDocumentsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(drawnSeries, 0, 8, func(s *metric.Series) string { return s.ARN + "|" + s.Metric + "|" + s.Statistic }).Draw(t, "series")
		parts, err := metric.Encode(february, instance, want)
		require.NoError(t, err)
		var got []*metric.Series
		for _, p := range parts {
			some, err := metric.Decode(p)
			require.NoError(t, err)
			got = append(got, some...)
		}
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i], got[i])
		}
	})
}

// fleet is what many instances use: five metrics of three statistics each.
func fleet(instances int, random *rand.Rand) (all []*metric.Series) {
	for n := range instances {
		for m := range 5 {
			for _, statistic := range []string{"Average", "Maximum", "p99"} {
				s := &metric.Series{ARN: fmt.Sprintf("arn:aws:ec2:eu-west-1:111122223333:instance/i-%017x", n), Type: instance, Metric: fmt.Sprint("Metric", m), Statistic: statistic, Unit: "Bytes"}
				for d := february.First(); d <= february.Last(); d++ {
					s.Points = append(s.Points, metric.Point{Date: d, Value: random.Float64() * 100})
				}
				all = append(all, s)
			}
		}
	}
	return all
}

func TestLargeDocumentsAreSplitBelowWhatAnItemHolds(t *testing.T) {
	all := fleet(600, rand.New(rand.NewPCG(1, 1)))
	parts, err := metric.Encode(february, instance, slices.Clone(all))
	require.NoError(t, err)
	require.Greater(t, len(parts), 2)
	n, bytes := 0, 0
	for _, p := range parts {
		require.Less(t, len(p.Body), 390<<10)
		bytes += len(p.Body)
		some, err := metric.Decode(p)
		require.NoError(t, err)
		for _, s := range some {
			require.True(t, all[n].ARN == s.ARN && slices.Equal(all[n].Points, s.Points))
			n++
		}
	}
	require.Equal(t, len(all), n)
	t.Logf("%d instances, %d values of 16 random digits: %d parts, %.1f bytes a value", 600, n*29, len(parts), float64(bytes)/float64(n*29))
}

func FuzzDecode(f *testing.F) {
	parts, err := metric.Encode(february, instance, []*metric.Series{
		{ARN: "arn:aws:ec2:eu-west-1:1:instance/i-1", Type: instance, Metric: "CPUUtilization", Statistic: "p99", Unit: "Percent",
			Points: []metric.Point{{Date: february.First(), Value: 1.5}, {Date: february.Last(), Value: 1e300}}},
		{ARN: "x", Type: instance, Metric: "NetworkIn", Statistic: "Average", Unit: "Bytes", Points: []metric.Point{{Date: february.First() + 3, Value: 7}}},
	})
	require.NoError(f, err)
	reader, err := zstd.NewReader(nil)
	require.NoError(f, err)
	plain, err := reader.DecodeAll(parts[0].Body, nil)
	require.NoError(f, err)
	f.Add(plain)
	var columns []any
	require.NoError(f, cbor.Unmarshal(plain, &columns))
	for i := range columns {
		for _, instead := range []any{nil, []any{}, []any{-1, 1 << 31, 7}, "text", 9, []byte{0xff, 0xff}} {
			changed := slices.Clone(columns)
			changed[i] = instead
			b, err := cbor.Marshal(changed)
			require.NoError(f, err)
			f.Add(b)
		}
	}
	writer, err := zstd.NewWriter(nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, body := range [][]byte{b, writer.EncodeAll(b, nil)} {
			all, err := metric.Decode(packed.Item{Body: body})
			if err != nil {
				continue
			}
			for _, s := range all {
				for _, p := range s.Points {
					require.False(t, math.IsNaN(p.Value) || math.IsInf(p.Value, 0))
				}
			}
		}
	})
}

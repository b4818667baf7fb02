package resource_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/resource"
)

// drawn is any resource that could be kept.
var drawn = rapid.Custom(func(t *rapid.T) resource.Resource {
	text := rapid.StringMatching(`[a-c=]{0,3}`)
	when := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, "seconds"), 0).UTC()
	})
	r := resource.Resource{
		ARN:  rapid.SampledFrom([]string{"arn:aws:s3:::", "arn:aws:ec2:eu-west-1:111122223333:instance/", "arn:aws:logs:eu-west-1:111122223333:log-group:", "x"}).Draw(t, "arn") + text.Draw(t, "rest"),
		Type: text.Draw(t, "type"), Region: text.Draw(t, "region"), State: text.Draw(t, "state"), Class: text.Draw(t, "class"),
		Tags:      rapid.MapOfN(rapid.SampledFrom([]string{"Name", "team", "", "=", strings.Repeat("k", 128)}), text, 0, 5).Draw(t, "tags"),
		CreatedAt: when.Draw(t, "created"), FirstSeenAt: when.Draw(t, "first"), LastSeenAt: when.Draw(t, "last"), GoneAt: when.Draw(t, "gone"),
	}
	r.Name = rapid.SampledFrom([]string{"", "=", "==", r.Tags["Name"], r.ARN[strings.LastIndexAny(r.ARN, ":/")+1:], text.Draw(t, "name")}).Draw(t, "called")
	return r
})

func compare(a, b resource.Resource) int {
	return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Region, b.Region), strings.Compare(a.ARN, b.ARN))
}

func TestSnapshotsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(drawn, 0, 30, func(r resource.Resource) string { return r.ARN }).Draw(t, "resources")
		parts, err := resource.Encode(want)
		require.NoError(t, err)
		var got []resource.Resource
		for _, p := range parts {
			all, err := resource.Decode(p)
			require.NoError(t, err)
			got = append(got, all...)
		}
		slices.SortFunc(want, compare)
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i], got[i])
		}
	})
}

func TestLargeSnapshotsAreSplitBelowWhatAnItemHolds(t *testing.T) {
	random, noise := rand.New(rand.NewPCG(1, 1)), make([]byte, 60)
	var all []resource.Resource
	for n := range 4000 {
		r := resource.Resource{ARN: fmt.Sprintf("arn:aws:s3:::%06d", n), Type: "s3:bucket", Region: "eu-west-1", Tags: map[string]string{}}
		for tag := range 5 {
			for i := range noise {
				noise[i] = byte('!' + random.IntN(90))
			}
			r.Tags[fmt.Sprint("key", tag)] = string(noise)
		}
		all = append(all, r)
	}
	parts, err := resource.Encode(all)
	require.NoError(t, err)
	require.Greater(t, len(parts), 2)
	n := 0
	for _, p := range parts {
		require.Less(t, len(p.Body), 390<<10)
		some, err := resource.Decode(p)
		require.NoError(t, err)
		for i := range some {
			require.True(t, maps.Equal(all[n].Tags, some[i].Tags))
			n++
		}
	}
	require.Equal(t, len(all), n)
}

func FuzzDecode(f *testing.F) {
	parts, err := resource.Encode([]resource.Resource{
		{ARN: "arn:aws:s3:::a", Type: "s3:bucket", Region: "eu-west-1", Name: "a", Tags: map[string]string{"Name": "a", "team": "x"}},
		{ARN: "arn:aws:sqs:eu-west-1:111122223333:q", Type: "sqs:queue", Region: "eu-west-1", Name: "q", Tags: map[string]string{}, GoneAt: time.Unix(9, 0)},
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
		for _, instead := range []any{nil, []any{}, []any{-1, 1 << 40, 7}, "text", 9} {
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
			all, err := resource.Decode(packed.Item{Body: body})
			if err != nil {
				continue
			}
			again, err := resource.Encode(slices.Clone(all))
			require.NoError(t, err)
			if len(all) > 0 {
				_, err = resource.Decode(again[0])
				require.NoError(t, err)
			}
		}
	})
}

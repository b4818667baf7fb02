package delivery_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// halting has the second file of each delivery wait before its first byte.
type halting struct {
	delivery.Files
	goOn chan struct{}
}

func (h halting) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	f, err := h.Files.Open(ctx, s, name)
	if err == nil && name[len(name)-2:] == "/1" {
		return halted{f, h.goOn}, nil
	}
	return f, err
}

type halted struct {
	delivery.File
	goOn chan struct{}
}

func (h halted) ReadAt(b []byte, at int64) (int, error) {
	<-h.goOn
	return h.File.ReadAt(b, at)
}

// parquetLines are n lines of February.
func parquetLines(t *testing.T, n int) string {
	var b bytes.Buffer
	w := columnar.NewWriter(&b, "1.0")
	february, err := time.Parse(time.DateOnly, "2026-02-01")
	require.NoError(t, err)
	half, _, err := money.Parse("0.5")
	require.NoError(t, err)
	for range n {
		require.NoError(t, w.Write(focus.Record{BilledCost: half, EffectiveCost: half, ListCost: &half, ContractedCost: &half, BillingAccountID: "pay", SubAccountID: "a",
			BillingCurrency: "USD", BillingPeriodStart: february, BillingPeriodEnd: february.AddDate(0, 1, 0), ChargePeriodStart: february,
			ChargePeriodEnd: february.AddDate(0, 0, 1), ChargeCategory: "Usage", ServiceName: "EC2", ProviderName: "AWS", RegionID: "eu-west-1"}))
	}
	require.NoError(t, w.Close())
	return b.String()
}

func TestProgressMovesOnWithWhatIsRead(t *testing.T) {
	for format, file := range map[string]func(n int) string{
		"csv":     func(n int) string { return lines(n, "a", "0.5") },
		"parquet": func(n int) string { return parquetLines(t, n) },
	} {
		t.Run(format, func(t *testing.T) {
			w := newTester(t)
			const n = 8192 // nothing is left over of what lines are counted by
			first, second := file(n), file(1)
			var c created
			w.home.Do(t, "POST", w.home.Path("/imports"), map[string]any{"format": format, "source": "s",
				"files": []map[string]any{{"sizeBytes": len(first)}, {"sizeBytes": len(second)}}}).Is(t, 201).Into(t, &c)
			w.put(c.Files[0].UploadURL, first)
			w.put(c.Files[1].UploadURL, second)
			w.home.Do(t, "POST", w.home.Path("/imports/"+string(c.ID)+"/close"), nil).Is(t, 202)
			m := delivery.Message{Kind: delivery.Closed, Tenant: w.home.Tenant, Delivery: c.ID}

			h := halting{w.app.Deliveries.Files, make(chan struct{})}
			w.app.Deliveries.Files = h
			w.app.Faults.Plan(storetest.At(storetest.Write, 1000, storetest.NotWritten)) // counts
			done := make(chan error, 1)
			go func() { done <- w.app.Deliveries.Handle(context.Background(), m) }()
			want := delivery.Progress{Stage: "reading", BytesRead: int64(len(first)), Bytes: int64(len(first) + len(second)), Lines: n}
			require.Eventually(t, func() bool { d := w.status(m); return d.Progress != nil && *d.Progress == want }, time.Minute, 50*time.Millisecond)
			require.Less(t, w.app.Faults.Calls(storetest.Write), 30, "it is not written by the line")
			close(h.goOn)
			require.NoError(t, <-done)
			require.Equal(t, delivery.Succeeded, w.status(m).Status)
			require.EqualValues(t, n+1, w.status(m).Result.Lines)
		})
	}
}

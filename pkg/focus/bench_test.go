package focus_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
	"github.com/tenantry/tenantry/pkg/money"
)

const benchLines = 100_000

// invoice makes lines as an AWS export of FOCUS 1.2 has them: 57 columns, about 900 bytes, 50 accounts, 15 regions,
// 300 SKUs, two tags of 500 values and 200,000 resources.
func invoice(n int, each func(focus.Record)) {
	random := rand.New(rand.NewPCG(1, 2))
	month := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	amount := func(low, high int64) money.Amount {
		a, err := money.FromUnscaled(0, uint64(low+random.Int64N(high-low)), 10)
		if err != nil {
			panic(err)
		}
		return a
	}
	for range n {
		sku, region, account := random.IntN(300), random.IntN(15), random.IntN(50)
		resource := random.IntN(200_000)
		start := month.Add(time.Duration(random.IntN(31*24)) * time.Hour)
		billed, quantity := amount(0, 1e11), amount(1e6, 1e13)
		list, price := amount(0, 1e11), amount(0, 1e9)
		each(focus.Record{
			AvailabilityZone: fmt.Sprintf("us-east-%d%c", region, 'a'+resource%3), BilledCost: billed, BillingAccountID: "123456789012",
			BillingAccountName: "Example Organization", BillingAccountType: "Management", BillingCurrency: "USD",
			BillingPeriodStart: month, BillingPeriodEnd: month.AddDate(0, 1, 0), ChargeCategory: "Usage",
			ChargeDescription: fmt.Sprintf("$0.0%d per On Demand Linux m5.%dxlarge Instance Hour, or partial hour", sku, sku%12),
			ChargeFrequency:   "Usage-Based", ChargePeriodStart: start, ChargePeriodEnd: start.Add(time.Hour),
			ConsumedQuantity: &quantity, ConsumedUnit: "Hours", ContractedCost: &billed, ContractedUnitPrice: &price, EffectiveCost: billed,
			InvoiceID: "1234567890", InvoiceIssuerName: "Amazon Web Services, Inc.", ListCost: &list, ListUnitPrice: &price,
			PricingCategory: "Standard", PricingCurrency: "USD", PricingQuantity: &quantity, PricingUnit: "Hours",
			ProviderName: "AWS", PublisherName: "Amazon Web Services, Inc.",
			RegionID: fmt.Sprintf("us-east-%d", region), RegionName: fmt.Sprintf("US East (Region %d)", region),
			ResourceID:   fmt.Sprintf("arn:aws:ec2:us-east-%d:%012d:instance/i-%017x", resource%15, 100000000000+resource%50, resource),
			ResourceName: fmt.Sprintf("i-%017x", resource), ResourceType: "instance",
			SkuPriceDetails: `{"InstanceSeries":"General purpose","OperatingSystem":"Linux","CoreCount":4,"MemorySize":16}`,
			ServiceCategory: "Compute", ServiceName: fmt.Sprintf("Amazon Service %d", sku%30), ServiceSubcategory: "Virtual Machines",
			SkuID: fmt.Sprintf("SKU%013d", sku), SkuMeter: "BoxUsage", SkuPriceID: fmt.Sprintf("SKU%013d.JRTCKXETXF.6YS6EN2CT7", sku),
			SubAccountID: fmt.Sprintf("%012d", 100000000000+account), SubAccountName: fmt.Sprintf("Account %d", account), SubAccountType: "Account",
			Tags: map[string]string{
				"user:environment": fmt.Sprintf("environment-%d", resource%500), "user:team": fmt.Sprintf("team-%d", resource/7%500),
			},
		})
	}
}

var csvFile = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	w := focus.NewCSVWriter(&b, "1.2")
	invoice(benchLines, func(r focus.Record) { _ = w.Write(r) })
	_ = w.Close()
	return b.Bytes()
})

func drainBench(b *testing.B, r focus.Reader) {
	var l focus.Line
	for r.Next(&l) {
	}
	require.NoError(b, r.Err())
	require.EqualValues(b, benchLines, r.Lines())
}

func BenchmarkCSV(b *testing.B) {
	file := csvFile()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	symbols := focus.NewSymbols() // of several files, as a delivery shares it
	for b.Loop() {
		r, err := focus.NewCSV(bytes.NewReader(file), focus.Options{Symbols: symbols})
		require.NoError(b, err)
		drainBench(b, r)
	}
}

// BenchmarkEncodingCSV is what BenchmarkCSV is compared with: reading alone.
func BenchmarkEncodingCSV(b *testing.B) {
	file := csvFile()
	for name, reuse := range map[string]bool{"records": false, "ReuseRecord": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				r := csv.NewReader(bytes.NewReader(file))
				r.ReuseRecord = reuse
				for {
					if _, err := r.Read(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

var parquetFile = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	w := columnar.NewWriter(&b, "1.2", columnar.AmountsAs(columnar.DoubleAmounts))
	invoice(benchLines, func(r focus.Record) { _ = w.Write(r) })
	_ = w.Close()
	return b.Bytes()
})

func BenchmarkParquet(b *testing.B) {
	file := parquetFile()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	symbols := focus.NewSymbols()
	for b.Loop() {
		r, err := focus.NewParquet(bytes.NewReader(file), int64(len(file)), focus.Options{Symbols: symbols})
		require.NoError(b, err)
		drainBench(b, r)
	}
}

// bareRow has the columns that the reader reads.
type bareRow struct {
	BilledCost, EffectiveCost                                                           float64
	ListCost, ContractedCost, PricingQuantity                                           *float64
	BillingPeriodStart, BillingPeriodEnd, ChargePeriodStart, ChargePeriodEnd            *int64
	BillingCurrency, BillingAccountId, BillingAccountName, SubAccountId, SubAccountName *string
	ProviderName, ServiceName, RegionId, RegionName, ChargeCategory, ChargeClass, SkuId *string
	PricingCategory, PricingUnit, ResourceId, InvoiceIssuerName, InvoiceId, SkuMeter    *string
	Tags                                                                                map[string]string
}

func BenchmarkParquetBare(b *testing.B) {
	file := parquetFile()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	rows := make([]bareRow, 256)
	for b.Loop() {
		r := parquet.NewGenericReader[bareRow](bytes.NewReader(file))
		total := 0
		for {
			n, err := r.Read(rows)
			if total += n; err == io.EOF {
				break
			}
			require.NoError(b, err)
		}
		require.Equal(b, benchLines, total)
		require.NoError(b, r.Close())
	}
}

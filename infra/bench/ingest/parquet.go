package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/tenantry/tenantry/infra/bench/bed"
)

// charge has the columns that an import reads, as the file has them.
type charge struct {
	BilledCost         float64
	BillingAccountId   string  `parquet:",optional"`
	BillingAccountName string  `parquet:",optional"`
	BillingCurrency    string  `parquet:",optional"`
	BillingPeriodEnd   int64   `parquet:",optional,timestamp(microsecond)"`
	BillingPeriodStart int64   `parquet:",optional,timestamp(microsecond)"`
	ChargeCategory     string  `parquet:",optional"`
	ChargeClass        string  `parquet:",optional"`
	ChargePeriodEnd    int64   `parquet:",optional,timestamp(microsecond)"`
	ChargePeriodStart  int64   `parquet:",optional,timestamp(microsecond)"`
	ContractedCost     float64 `parquet:",optional"`
	EffectiveCost      float64
	InvoiceId          string            `parquet:",optional"`
	InvoiceIssuerName  string            `parquet:",optional"`
	ListCost           float64           `parquet:",optional"`
	PricingCategory    string            `parquet:",optional"`
	PricingQuantity    float64           `parquet:",optional"`
	PricingUnit        string            `parquet:",optional"`
	ProviderName       string            `parquet:",optional"`
	RegionId           string            `parquet:",optional"`
	RegionName         string            `parquet:",optional"`
	ResourceId         string            `parquet:",optional"`
	ServiceName        string            `parquet:",optional"`
	SkuId              string            `parquet:",optional"`
	SkuMeter           string            `parquet:",optional"`
	SubAccountId       string            `parquet:",optional"`
	SubAccountName     string            `parquet:",optional"`
	Tags               map[string]string `parquet:",optional"`
}

// readParquet reads the file args[0] as parquet-go does by itself, into the columns that an import reads.
func readParquet(_ context.Context, args []string) error {
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	r := parquet.NewGenericReader[charge](file)
	total := int64(0)
	for batch := make([]charge, 1024); ; {
		n, err := r.Read(batch)
		total += int64(n)
		if err == io.EOF {
			return errors.Join(r.Close(), file.Close(), bed.Print(total))
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", args[0], err)
		}
	}
}

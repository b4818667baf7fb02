package focus_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
	"github.com/tenantry/tenantry/pkg/money"
)

// amounts draws what a DOUBLE holds exactly too: 15 digits.
var amounts = rapid.Custom(func(t *rapid.T) money.Amount {
	n := rapid.Int64Range(-999_999_999_999_999, 999_999_999_999_999).Draw(t, "unscaled")
	a, err := money.FromUnscaled(n>>63, uint64(n), rapid.SampledFrom([]int{0, 2, 10, 18}).Draw(t, "scale"))
	require.NoError(t, err)
	return a
})

func optionalAmount(t *rapid.T, name string) *money.Amount {
	if rapid.Bool().Draw(t, name+" is there") {
		return new(amounts.Draw(t, name))
	}
	return nil
}

var records = rapid.Custom(func(t *rapid.T) focus.Record {
	mandatory := text(12).Filter(func(s string) bool { return s != "" })
	month := calendar.Month(rapid.IntRange(1990*12, 2100*12).Draw(t, "month"))
	from := month.First().Time().Add(time.Duration(rapid.IntRange(0, 31*86_400_000).Draw(t, "from")) * time.Millisecond)
	return focus.Record{
		BilledCost: amounts.Draw(t, "billed"), EffectiveCost: amounts.Draw(t, "effective"), ListCost: optionalAmount(t, "list"),
		ContractedCost: optionalAmount(t, "contracted"), PricingQuantity: optionalAmount(t, "quantity"), ConsumedQuantity: optionalAmount(t, "consumed"),
		BillingAccountID: mandatory.Draw(t, "account"), BillingAccountName: text(9).Draw(t, "account name"),
		BillingCurrency:    rapid.SampledFrom([]string{"USD", "EUR", "JPY"}).Draw(t, "currency"),
		BillingPeriodStart: month.First().Time(), BillingPeriodEnd: (month + 1).First().Time(),
		ChargeCategory:    rapid.SampledFrom([]string{"Usage", "Purchase", "Tax", "Credit", "Adjustment"}).Draw(t, "category"),
		ChargeClass:       rapid.SampledFrom([]string{"", "Correction"}).Draw(t, "class"),
		ChargeDescription: rapid.String().Draw(t, "description"), ChargePeriodStart: from, ChargePeriodEnd: from.Add(time.Hour),
		ServiceName: mandatory.Draw(t, "service"), ProviderName: mandatory.Draw(t, "provider"), PublisherName: "p", HostProviderName: "h",
		RegionID: text(9).Draw(t, "region"), ResourceID: text(40).Draw(t, "resource"), SkuID: text(3).Draw(t, "sku"), SkuMeter: text(3).Draw(t, "meter"),
		InvoiceID: text(5).Draw(t, "invoice"), InvoiceIssuerName: text(9).Draw(t, "issuer"), PricingCategory: text(9).Draw(t, "pricing"),
		PricingUnit: text(5).Draw(t, "unit"), SubAccountID: text(12).Draw(t, "sub-account"), SubAccountName: text(12).Draw(t, "sub-account name"),
		RegionName: text(9).Draw(t, "region name"), Tags: rapid.MapOfN(text(6), text(9), 0, 4).Draw(t, "tags"),
	}
})

// check tells that l is what a reader of a version makes of r.
func check(t require.TestingT, version string, r focus.Record, l focus.Line, s *focus.Symbols) {
	texts := [focus.NumDims]string{
		focus.BillingCurrency: r.BillingCurrency, focus.BillingAccountID: r.BillingAccountID, focus.BillingAccountName: r.BillingAccountName,
		focus.SubAccountID: r.SubAccountID, focus.SubAccountName: r.SubAccountName, focus.ProviderName: r.ProviderName, focus.ServiceName: r.ServiceName,
		focus.RegionID: r.RegionID, focus.RegionName: r.RegionName, focus.ChargeCategory: r.ChargeCategory, focus.ChargeClass: r.ChargeClass,
		focus.SkuID: r.SkuID, focus.PricingCategory: r.PricingCategory, focus.PricingUnit: r.PricingUnit, focus.ResourceID: r.ResourceID,
		focus.InvoiceIssuerName: r.InvoiceIssuerName, focus.InvoiceID: r.InvoiceID,
	}
	if version >= "1.1" && r.SkuID == "" {
		texts[focus.SkuID] = r.SkuMeter
	}
	if version < "1.2" {
		texts[focus.InvoiceID] = ""
	}
	for d := range focus.Tags {
		require.Equal(t, texts[d], s.Text(d, l.Dims[d]), "column %d", d)
	}
	checkTags(t, s.Text(focus.Tags, l.Dims[focus.Tags]), r.Tags)
	for m, want := range []*money.Amount{&r.BilledCost, &r.EffectiveCost, r.ListCost, r.ContractedCost, r.PricingQuantity} {
		require.Equal(t, want != nil, l.Present[m])
		if want != nil {
			require.Equal(t, want.String(), l.Amounts[m].String())
		}
		require.Nil(t, l.Rounded[m])
	}
	require.Equal(t, calendar.MonthOf(r.BillingPeriodStart), l.Billing)
	require.Equal(t, calendar.DayOf(r.ChargePeriodStart), l.Day)
}

type writer interface {
	Write(focus.Record) error
	Close() error
}

// formats are all that is written, and how each is opened.
func formats(version string) map[string]func(io.Writer) writer {
	all := map[string]func(io.Writer) writer{"CSV": func(w io.Writer) writer { return focus.NewCSVWriter(w, version) }}
	all["CSV.gz"] = func(w io.Writer) writer {
		z := gzip.NewWriter(w)
		return zipped{focus.NewCSVWriter(z, version), z}
	}
	for amounts, name := range []string{"DECIMAL", "DOUBLE", "string"} {
		for tags, kind := range []string{"MAP", "JSON"} {
			all["Parquet "+name+" "+kind] = func(w io.Writer) writer {
				return columnar.NewWriter(w, version, columnar.AmountsAs(columnar.AmountType(amounts)), columnar.TagsAs(columnar.TagType(tags)))
			}
		}
	}
	return all
}

type zipped struct {
	*focus.CSVWriter
	z *gzip.Writer
}

func (z zipped) Close() error {
	if err := z.CSVWriter.Close(); err != nil {
		return err
	}
	return z.z.Close()
}

func open(file []byte, o focus.Options) (focus.Reader, error) {
	if bytes.HasPrefix(file, []byte("PAR1")) {
		return openParquet(file, o)
	}
	return focus.NewCSV(bytes.NewReader(file), o)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for name := range formats("1.0") {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			version := rapid.SampledFrom(focus.Versions).Draw(t, "version")
			lines := rapid.SliceOfN(records, 0, 12).Draw(t, "lines")
			var file bytes.Buffer
			w := formats(version)[name](&file)
			for _, r := range lines {
				require.NoError(t, w.Write(r))
			}
			require.NoError(t, w.Close())
			s := focus.NewSymbols()
			r, err := open(file.Bytes(), focus.Options{Symbols: s})
			require.NoError(t, err)
			require.Equal(t, version, r.Version())
			got, err := drain(r)
			require.NoError(t, err)
			require.Len(t, got, len(lines))
			for i, l := range got {
				check(t, version, lines[i], l, s)
			}
		}))
	}
}

func TestWriterRefuses(t *testing.T) {
	for name, w := range map[string]writer{"CSV": focus.NewCSVWriter(io.Discard, "2.0"), "Parquet": columnar.NewWriter(io.Discard, "2.0")} {
		t.Run(name+" of another version", func(t *testing.T) {
			require.ErrorContains(t, w.Write(focus.Record{}), `FOCUS version "2.0" is not one of 1.0, 1.1, 1.2, 1.3, 1.4`)
			require.Error(t, w.Close())
		})
	}
	t.Run("an amount that DECIMAL has no place for", func(t *testing.T) {
		w := columnar.NewWriter(io.Discard, "1.2")
		require.ErrorContains(t, w.Write(focus.Record{BilledCost: money.MustParse("-100000000000000000000")}), "1e20")
		require.Error(t, w.Close())
	})
	t.Run("what the writer below refuses", func(t *testing.T) {
		for name, open := range formats("1.2") {
			w := open(full{})
			_ = w.Write(focus.Record{})
			require.ErrorIs(t, w.Close(), errFull, name)
		}
	})
}

// sample is the real file that tests read where it exists.
func sample(t *testing.T) []byte {
	file, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "focus_sample.csv"))
	if os.IsNotExist(err) {
		t.Skip("../shared/data/focus_sample.csv is not there")
	}
	require.NoError(t, err)
	return file
}

func TestRealFileSumsToItsTotals(t *testing.T) {
	file := sample(t)
	for name, file := range map[string][]byte{
		"CSV": file, "Parquet of strings": parquetOf(string(file), columnar.StringAmounts), "Parquet of DOUBLE": parquetOf(string(file), columnar.DoubleAmounts),
		"Parquet of DECIMAL": parquetOf(string(file), columnar.DecimalAmounts),
	} {
		t.Run(name, func(t *testing.T) {
			s := focus.NewSymbols()
			r, err := open(file, focus.Options{Symbols: s})
			require.NoError(t, err)
			require.Equal(t, "1.0", r.Version())
			lines, err := drain(r)
			require.NoError(t, err)
			require.Len(t, lines, 1000)
			total := func(m focus.Metric, d focus.Dim, value string) string {
				var sum money.Amount
				for _, l := range lines {
					if d == focus.NumDims || s.Text(d, l.Dims[d]) == value {
						sum, err = sum.Add(l.Amounts[m])
						require.NoError(t, err)
					}
				}
				return sum.String()
			}
			for m, want := range []string{"20.52022672899", "14.97651418586", "20.39090575119", "14.97626039326"} {
				require.Equal(t, want, total(focus.Metric(m), focus.NumDims, ""))
			}
			for _, part := range []struct {
				d           focus.Dim
				value, want string
			}{
				{focus.ChargeCategory, "Usage", "22.86192672899"}, {focus.ChargeCategory, "Adjustment", "0.272"}, {focus.ChargeCategory, "Credit", "-2.6137"},
				{focus.ProviderName, "AWS", "18.0066386184"}, {focus.ProviderName, "Oracle", "0.53707392473"},
				{focus.ServiceName, "Amazon Elastic Compute Cloud", "16.0416930505"}, {focus.SubAccountID, "11353890204", "13.6164825497"},
			} {
				require.Equal(t, part.want, total(focus.BilledCost, part.d, part.value))
			}
			nulls := slices.DeleteFunc(slices.Clone(lines), func(l focus.Line) bool { return l.Present[focus.ContractedCost] })
			require.Len(t, nulls, 7)
			require.Equal(t, 74, s.Len(focus.SubAccountID))
			require.Equal(t, 34, s.Len(focus.ServiceName))
		})
	}
}

func TestCustomColumnsComeLastAndAreNotRead(t *testing.T) {
	r := focus.Record{BillingAccountID: "b", BillingCurrency: "USD", ProviderName: "AWS", ServiceName: "S3", ChargeCategory: "Usage",
		BillingPeriodStart: march(1), ChargePeriodStart: march(1), ChargePeriodEnd: march(2)}
	var whole, parts bytes.Buffer
	w := focus.NewCSVWriter(&whole, "1.2", "x_ProjectId", "x_Note")
	require.NoError(t, w.WriteWith(r, "prj_1", `a "note", with commas`))
	require.NoError(t, w.WriteWith(r, "prj_2", ""))
	require.NoError(t, w.Close())

	w = focus.NewCSVWriter(&parts, "1.2", "x_ProjectId", "x_Note")
	require.NoError(t, w.WriteWith(r, "prj_1", `a "note", with commas`))
	require.NoError(t, w.Close())
	w = focus.ContinueCSV(&parts, "1.2", 2)
	require.NoError(t, w.WriteWith(r, "prj_2", ""))
	require.NoError(t, w.Close())
	require.Equal(t, whole.String(), parts.String(), "written on, it is the same file")

	rows, err := csv.NewReader(&whole).ReadAll()
	require.NoError(t, err)
	n := len(rows[0])
	require.Equal(t, []string{"x_ProjectId", "x_Note"}, rows[0][n-2:])
	require.Equal(t, []string{"prj_1", `a "note", with commas`}, rows[1][n-2:])
	require.Equal(t, []string{"prj_2", ""}, rows[2][n-2:])

	read, err := focus.NewCSV(&parts, focus.Options{})
	require.NoError(t, err)
	lines := 0
	for l := (focus.Line{}); read.Next(&l); lines++ {
	}
	require.NoError(t, read.Err())
	require.Equal(t, 2, lines)

	w = focus.NewCSVWriter(io.Discard, "1.2", "x_ProjectId")
	require.ErrorContains(t, w.Write(r), "0 values for 1 custom columns")
	require.Error(t, w.Close())
}

func march(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }

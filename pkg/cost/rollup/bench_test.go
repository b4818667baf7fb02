package rollup_test

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// source makes lines of 30 days, 50 accounts, 15 regions and 300 SKUs, with two kept tags of 500 values each. A resource
// always has the same of all of these but the day.
type source struct {
	random    *rand.Rand
	symbols   *focus.Symbols
	resources int // how many there are; 0 makes one for each line
	made      int
	text      []byte
	epoch     int
	known     [focus.NumDims][512]focus.Symbol // of the texts that end in a small number
}

func newSource(resources int) *source {
	return &source{random: rand.New(rand.NewPCG(1, 2)), symbols: focus.NewSymbols(), resources: resources}
}

func (s *source) intern(l *focus.Line, d focus.Dim, text string, n uint64) {
	if n < 512 && s.known[d][n] != 0 {
		l.Dims[d] = s.known[d][n]
		return
	}
	s.text = strconv.AppendUint(append(s.text[:0], text...), n, 10)
	l.Dims[d] = s.symbols.Intern(d, s.text)
	if n < 512 {
		s.known[d][n] = l.Dims[d]
	}
}

func (s *source) tags(l *focus.Line, environment, team uint64) {
	s.text = strconv.AppendUint(append(s.text[:0], `{"environment":"value-`...), environment, 10)
	s.text = strconv.AppendUint(append(s.text, `","team":"value-`...), team, 10)
	s.text = append(s.text, `"}`...)
	l.Dims[focus.Tags] = s.symbols.Intern(focus.Tags, s.text)
}

func (s *source) next(l *focus.Line) {
	if s.epoch != s.symbols.Epoch() {
		s.epoch, s.known = s.symbols.Epoch(), [focus.NumDims][512]focus.Symbol{}
	}
	s.made++
	resource := uint64(s.made)
	if s.resources > 0 {
		resource = s.random.Uint64N(uint64(s.resources))
	}
	hash := (resource + 1) * 0x9e3779b97f4a7c15
	hash = (hash ^ hash>>30) * 0xbf58476d1ce4e5b9
	account, region, sku := hash>>8%50, hash>>16%15, hash>>24%300
	s.intern(l, focus.BillingCurrency, "USD", 0)
	s.intern(l, focus.BillingAccountID, "12345678901", 2)
	s.intern(l, focus.BillingAccountName, "Payer ", 1)
	s.intern(l, focus.SubAccountID, "2000000000", 10+account)
	s.intern(l, focus.SubAccountName, "account-", account)
	s.intern(l, focus.ProviderName, "AWS", 0)
	s.intern(l, focus.ServiceName, "Amazon Service ", sku%20)
	s.intern(l, focus.RegionID, "region-", region)
	s.intern(l, focus.RegionName, "Region ", region)
	s.intern(l, focus.ChargeCategory, "Usage", sku%4/3)
	s.intern(l, focus.SkuID, "SKU0000000000000", sku)
	s.intern(l, focus.PricingCategory, "Standard", 0)
	s.intern(l, focus.PricingUnit, "Hrs", sku%3)
	s.intern(l, focus.ResourceID, "arn:aws:ec2:us-east-1:123456789012:instance/i-", hash|512)
	s.intern(l, focus.InvoiceIssuerName, "Amazon Web Services, Inc.", 0)
	s.intern(l, focus.InvoiceID, "1234567", 0)
	s.tags(l, hash>>32%500, hash>>48%500)
	cost, _ := money.FromUnscaled(0, s.random.Uint64N(1e12), 10)
	net, _ := money.FromUnscaled(0, s.random.Uint64N(1e12), 10)
	l.Amounts = [focus.NumMetrics]money.Amount{cost, net, cost, cost, money.FromInt(1)}
	l.Present = [focus.NumMetrics]bool{true, true, true, true, true}
	l.Billing, l.Day = may, may.First()+calendar.Day(s.random.IntN(30))
}

func BenchmarkAdd(b *testing.B) { benchmark(b, 200_000) }

// Every line is a row of its own.
func BenchmarkAddWorst(b *testing.B) { benchmark(b, 0) }

func benchmark(b *testing.B, resources int) {
	const total = 2_000_000
	var spent time.Duration
	var rows int
	for b.Loop() {
		s := newSource(resources)
		builder := rollup.New(rollup.Config{Dir: b.TempDir(), Symbols: s.symbols, TagKeys: tagKeys,
			Assign: func(string, string) string { return "project" }})
		lines := make([]focus.Line, 10_000)
		for n := 0; n < total; {
			for i := range lines {
				s.next(&lines[i])
			}
			epoch, start := s.symbols.Epoch(), cpu()
			for i := 0; i < len(lines) && s.symbols.Epoch() == epoch; i++ {
				if err := builder.Add(&lines[i]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			spent += cpu() - start
		}
		start := cpu()
		r, err := builder.Finish()
		require.NoError(b, err)
		rows += countRows(b, r)
		require.NoError(b, builder.Close())
		spent += cpu() - start
	}
	b.ReportMetric(0, "ns/op") // it has the making of lines in it
	b.ReportMetric(float64(spent)/float64(b.N)/total, "cpu-ns/line")
	b.ReportMetric(float64(rows)/float64(b.N)/total, "rows/line")
}

func countRows(t require.TestingT, r *rollup.Result) (n int) {
	require.NoError(t, r.Each(func(_ rollup.Group, rows iter.Seq2[rollup.Row, error]) error {
		for _, err := range rows {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

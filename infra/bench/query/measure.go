package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
	ids "github.com/tenantry/tenantry/pkg/tenant"
)

// question is asked at every alignment.
type question struct {
	name                 string
	granularity          string
	spans                [][2]calendar.Day // end exclusive
	items, units, millis int               // targets; 0 for none
}

func (t *tenant) measure(ctx context.Context, out io.Writer, p plan) error {
	year := question{name: "12 months, monthly by service", granularity: "monthly", items: 65, units: 110, millis: 15}
	for m := p.first; m+11 <= p.last; m++ {
		year.spans = append(year.spans, [2]calendar.Day{m.First(), (m + 12).First()})
	}
	quarter := question{name: "90 days, daily by service", granularity: "daily", units: 600, millis: 60}
	for d := p.first.First(); d+90 <= p.last.Last()+1; d += calendar.Day(p.step) {
		quarter.spans = append(quarter.spans, [2]calendar.Day{d, d + 90})
	}
	fmt.Fprintf(out, "questions on %d projects, %d cells a day each, %s to %s; of effectiveCost; the worst of all alignments\n", projects, cells, p.first, p.last)
	for _, q := range []question{year, quarter} {
		worst, err := t.ask(ctx, q, p.turns)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s (%d alignments)\n", q.name, len(q.spans))
		figure(out, "items read, cost table", float64(worst.cost.Items), q.items)
		figure(out, "items read, all tables", float64(worst.items), 0)
		figure(out, "read units, cost table", float64(worst.cost.Read)/2, q.units)
		figure(out, "median time, ms", worst.median.Seconds()*1000, q.millis)
	}
	return t.sizes(ctx, out)
}

func figure(out io.Writer, name string, value float64, target int) {
	fmt.Fprintf(out, "  %-24s %8.1f", name, value)
	if target > 0 {
		fmt.Fprintf(out, "  <= %d", target)
		if value > float64(target) {
			fmt.Fprint(out, " MISSED")
		}
	}
	fmt.Fprintln(out)
}

// taken is the most that any alignment of a question takes.
type taken struct {
	cost   store.Use
	items  int64
	median time.Duration
}

func (t *taken) see(reads map[store.Table]store.Use) {
	all := int64(0)
	for _, use := range reads {
		all += use.Items
	}
	of := reads[store.CostTable]
	t.cost.Items, t.cost.Read, t.items = max(t.cost.Items, of.Items), max(t.cost.Read, of.Read), max(t.items, all)
}

func (t *tenant) ask(ctx context.Context, q question, turns int) (worst taken, err error) {
	for _, span := range q.spans {
		path := fmt.Sprintf("%s/costs?start=%s&end=%s&granularity=%s&metric=effectiveCost&groupBy=serviceName", t.path, span[0], span[1], q.granularity)
		var times []time.Duration
		for range turns {
			t.Reads()
			began := time.Now()
			var answer struct{ Groups []struct{} }
			if err := t.Call(ctx, "GET", path, nil, &answer); err != nil {
				return worst, err
			}
			times = append(times, time.Since(began))
			if len(answer.Groups) != services {
				return worst, fmt.Errorf("%s has %d groups", path, len(answer.Groups))
			}
			worst.see(t.Reads())
		}
		slices.Sort(times)
		worst.median = max(worst.median, times[len(times)/2])
	}
	return worst, nil
}

// size is that of documents of a kind.
type size struct{ docs, items, bytes, cells int }

// sizes prints those of the view service.
func (t *tenant) sizes(ctx context.Context, out io.Writer) error {
	kinds := map[string]*size{"period": {}, "year": {}}
	docs := map[string]bool{}
	for _, project := range t.projects {
		for _, span := range store.Documents(ids.ProjectID(project)) {
			if err := t.each(ctx, span, func(key string, bytes int) error {
				k := strings.Split(key, "#") // kind, source, view, period, metric, version, part
				if k[2] != "service" {
					return nil
				}
				kind, of := kinds["year"], 12
				if k[0] == "C" {
					m, err := calendar.ParseMonth(k[3])
					if err != nil {
						return err
					}
					kind, of = kinds["period"], int(m.Last()-m.First()+1)
				}
				doc := project + strings.Join(k[:6], "#")
				if !docs[doc] {
					docs[doc] = true
					kind.docs++
					kind.cells += cells * of
				}
				kind.items++
				kind.bytes += bytes
				return nil
			}); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"period", "year"} {
		k := kinds[name]
		fmt.Fprintf(out, "%s documents of the view service: %d of one metric each, %d items, on average %d bytes, %.2f bytes a cell\n", name, k.docs, k.items,
			k.bytes/max(1, k.docs), float64(k.bytes)/float64(max(1, k.cells)))
	}
	return nil
}

// each gives f the sort keys of a span and the sizes of their documents' bytes.
func (t *tenant) each(ctx context.Context, span store.Span, f func(key string, bytes int) error) error {
	for after := ""; ; {
		page, err := t.handle.Query(ctx, span, store.List{After: after})
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			var part struct {
				Body []byte `json:"b"`
			}
			if err := r.Value.Decode(&part); err != nil {
				return err
			}
			if err := f(r.Address.SK, len(part.Body)); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

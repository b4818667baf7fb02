package demo_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// fill fills a server's store, and has its worker work meanwhile.
func fill(t *testing.T, a *apptest.App, client *http.Client) error {
	filled := make(chan error, 1)
	go func() {
		filled <- demo.Fill(t.Context(), demo.Target{URL: a.URL, Token: a.Issuer.Token, Client: client, Now: a.Now(),
			Collected: func(_ context.Context, id, account string, found []resource.Sighting) error {
				a.Sight(t, tenant.ID(id), account, found...)
				return nil
			}})
	}()
	for {
		select {
		case err := <-filled:
			return err
		case <-time.After(10 * time.Millisecond):
			a.Work(t)
		}
	}
}

// tenants gives the IDs of a subject's tenants of a name.
func tenants(t *testing.T, c *apptest.Client, name string) (ids []string) {
	var list struct{ Items []struct{ ID, Name string } }
	c.Get(t, "/v1/tenants").Is(t, 200).Into(t, &list)
	for _, each := range list.Items {
		if each.Name == name {
			ids = append(ids, each.ID)
		}
	}
	return ids
}

// answer is what is read of an answer on costs.
type answer struct {
	Total    string
	Complete bool
	Groups   []struct {
		Key    map[string]*string
		Total  string
		Points []struct{ Date, Amount string }
	}
}

// grouped gives an answer's totals by the group's value.
func (a *answer) grouped(dimension string) map[string]string {
	sums := map[string]string{}
	for _, g := range a.Groups {
		value := ""
		if v := g.Key[dimension]; v != nil {
			value = *v
		}
		sums[value] = g.Total
	}
	return sums
}

// points gives an answer's amounts by month, without those that are 0.
func (a *answer) points() map[string]string {
	sums := map[string]string{}
	for _, g := range a.Groups {
		for _, p := range g.Points {
			if p.Amount != "0" {
				sums[p.Date[:7]] = p.Amount
			}
		}
	}
	return sums
}

// said writes sums as answers have them: of nothing but nulls as null.
func said(sums map[string]demo.Sums, m focus.Metric) map[string]string {
	all := map[string]string{}
	for key, s := range sums {
		if all[key] = s.Amount(m).String(); m == focus.ContractedCost && s.Nulls == s.Lines {
			all[key] = ""
		}
	}
	return all
}

var dimensions = map[string]func(demo.Key) string{
	"serviceName":     func(k demo.Key) string { return k.Service },
	"chargeCategory":  func(k demo.Key) string { return k.Category },
	"chargeClass":     func(k demo.Key) string { return k.Class },
	"tag:environment": func(k demo.Key) string { return k.Environment },
	"subAccountId":    func(k demo.Key) string { return k.Account },
	"regionId":        func(k demo.Key) string { return k.Region },
	"providerName":    func(k demo.Key) string { return k.Provider },
}

var metrics = map[string]focus.Metric{"billedCost": focus.BilledCost, "effectiveCost": focus.EffectiveCost,
	"listCost": focus.ListCost, "contractedCost": focus.ContractedCost}

func TestAFilledPlatformAnswersTheTotals(t *testing.T) {
	a := apptest.New(t)
	require.NoError(t, fill(t, a, http.DefaultClient))
	from, to := demo.Window(a.Now())
	for name, o := range organizations() {
		_, totals := gather(t, o, 1, from, to)
		c := a.As(t, o.Subject)
		ids := tenants(t, c, name)
		require.Len(t, ids, 1)
		ask := func(t *testing.T, currency, metric string, more ...string) *answer {
			q := fmt.Sprintf("/v1/tenants/%s/costs?start=%s&end=%s&currency=%s&metric=%s&", ids[0], from, to.Month().First()+31, currency, metric)
			var got answer
			c.Get(t, q+strings.Join(more, "&")).Is(t, 200).Into(t, &got)
			return &got
		}
		for currency, all := range totals.By(func(k demo.Key) string { return k.Currency }) {
			in := totals.In(func(k demo.Key) bool { return k.Currency == currency })
			for metric, m := range metrics {
				t.Run(name+" "+currency+" "+metric, func(t *testing.T) {
					for dimension, of := range dimensions {
						got := ask(t, currency, metric, "granularity=total", "groupBy="+url.QueryEscape(dimension))
						require.Equal(t, all.Amount(m).String(), got.Total, dimension)
						require.Equal(t, said(in.By(of), m), got.grouped(dimension), dimension)
					}
					month := func(k demo.Key) string { return k.Month.String() }
					require.Equal(t, nonZero(said(in.By(month), m)), ask(t, currency, metric, "granularity=monthly").points())
					month = func(k demo.Key) string { return k.Billing.String() }
					require.Equal(t, nonZero(said(in.By(month), m)), ask(t, currency, metric, "granularity=monthly", "period=billing").points())
					require.Equal(t, said(in.By(projectOf(o)), m), byName(t, c, ids[0], ask(t, currency, metric, "granularity=total", "groupBy=project").grouped("project")))
				})
			}
		}
		t.Run(name+"'s resources have costs", func(t *testing.T) {
			var all resource.Listing
			c.Get(t, "/v1/tenants/"+ids[0]+"/resources?limit=200").Is(t, 200).Into(t, &all)
			there := 0
			for _, of := range o.Resources(from.Time()) {
				there += len(of)
			}
			require.Equal(t, there, *all.Total)
			for _, r := range all.Items {
				var one resource.Costed
				c.Get(t, fmt.Sprintf("/v1/tenants/%s/projects/%s/resources/%s", ids[0], r.ProjectID, r.ID)).Is(t, 200).Into(t, &one)
				require.NotNil(t, one.Cost.Total, r.ARN)
				require.Len(t, one.Cost.Months, 6, r.ARN)
			}
		})
	}
}

func nonZero(sums map[string]string) map[string]string {
	for key, s := range sums {
		if s == "0" {
			delete(sums, key)
		}
	}
	return sums
}

// projectOf gives the name of the project that a key's account belongs to.
func projectOf(o *demo.Organization) func(demo.Key) string {
	names := map[string]string{}
	for _, p := range o.Projects {
		for _, id := range p.AccountIDs {
			names[id] = p.Name
		}
	}
	return func(k demo.Key) string {
		if name, ok := names[k.Account]; ok {
			return name
		}
		return "unassigned"
	}
}

// byName puts the names of projects in the place of their IDs.
func byName(t *testing.T, c *apptest.Client, tenant string, sums map[string]string) map[string]string {
	var list struct{ Items []struct{ ID, Name string } }
	c.Get(t, "/v1/tenants/"+tenant+"/projects").Is(t, 200).Into(t, &list)
	for _, p := range list.Items {
		if sum, ok := sums[p.ID]; ok && p.ID != p.Name {
			delete(sums, p.ID)
			sums[p.Name] = sum
		}
	}
	return sums
}

// cut is a client whose connection breaks after a number of requests.
type cut struct{ left int }

func (c *cut) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.left == 0 {
		return nil, context.DeadlineExceeded
	}
	c.left--
	return http.DefaultTransport.RoundTrip(r)
}

func TestAFillThatBrokeOffGoesOn(t *testing.T) {
	a := apptest.New(t)
	tries := 0
	for ; fill(t, a, &http.Client{Transport: &cut{tries}}) != nil; tries++ {
		require.Less(t, tries, 60)
	}
	require.Greater(t, tries, 10)
	for name, o := range organizations() {
		c := a.As(t, o.Subject)
		ids := tenants(t, c, name)
		require.Len(t, ids, 1)
		var list struct{ Items []struct{ Status string } }
		c.Get(t, "/v1/tenants/"+ids[0]+"/imports").Is(t, 200).Into(t, &list)
		require.Len(t, list.Items, 1)
		require.Equal(t, "succeeded", list.Items[0].Status)
		c.Get(t, "/v1/tenants/"+ids[0]+"/projects").Is(t, 200).Into(t, &list)
		require.Len(t, list.Items, len(o.Projects))
	}
}

package apptest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// What the victim's names, labels, tags, sources, files and amounts hold, and nothing else does.
const (
	mark   = "zq7vk"
	amount = "1739173917.25"
	hidden = "hq4wn" // in the project that a limited member does not see
)

// found makes a tenant of a subject with two projects: one with a hidden mark, and one that all see.
func (m *matrix) found(subject string) *party {
	return m.foundAs(subject, "North", hidden+"-web")
}

func (m *matrix) foundAs(subject, name, web string) *party {
	p := &party{Home: &Home{Client: m.app.As(m, subject)}, subject: subject, children: map[string]string{}}
	var made struct{ ID string }
	p.Do(m, "POST", "/v1/tenants", map[string]any{"name": name}).Is(m, 201).Into(m, &made)
	p.Tenant = tenant.ID(made.ID)
	for _, into := range []struct {
		id   *tenant.ProjectID
		name string
	}{{&p.Project, web}, {&p.other, "open"}} {
		m.app.Advance(time.Millisecond) // IDs sort by it
		p.Do(m, "POST", p.Path("/projects"), map[string]any{"name": into.name, "environment": "production"}).Is(m, 201).Into(m, &made)
		*into.id = tenant.ProjectID(made.ID)
	}
	m.app.Connect(m, p.Tenant)
	return p
}

// plant makes the victim: a tenant with something of each kind, marked wherever a text can be. What a new operation creates or
// changes is planted with its example, every text of which is a mark where the operation takes that.
func (m *matrix) plant() {
	m.victim = m.foundAs(mark+"-subject", mark+" Ltd", mark+"-web")
	m.victim.Do(m, "POST", "/v1/tenants", map[string]any{"name": mark + " Holding"}).Is(m, 201)
	m.app.Join(m, m.victim.Tenant, mark+"-second", tenant.Viewer)
	n := 0
	for _, op := range m.real {
		if op.Method == http.MethodPost && m.collects(op) {
			for _, key := range []string{mark + "-key", mark + "-second-key"} { // two of each, so that lists have a second page
				n++
				m.plantOne(op, n, map[string]string{"Idempotency-Key": key})
			}
		}
	}
	for _, op := range m.real {
		if (op.Method == http.MethodPatch || op.Method == http.MethodPut) && strings.Contains(op.Path, "{tenantId}") {
			n++
			m.plantChange(op, n)
		}
	}
	m.deliver(m.victim, mark, mark+"-tag")
	m.bad = m.victim.BadKeys(m)
	for _, op := range m.real {
		if plant := besides[op.ID]; plant != nil {
			plant(m)
		}
	}
}

// besides plants what an operation reads and none makes, by the operation's ID.
var besides = map[string]func(*matrix){
	"listResources": func(m *matrix) {
		m.victim.children["resourceId of the project"] = string(m.app.collect(m, m.victim.Home, mark+"-account", mark))
	},
	"listMetrics": func(m *matrix) {
		day := calendar.DayOf(m.app.Now()) - 1
		for _, n := range []string{"", "-2"} {
			m.app.Measure(m, m.victim.Tenant, mark+"-account", metric.Reading{From: day, Until: day + 1, Series: metric.Series{ARN: "arn:aws:s3:::" + mark + n,
				Type: "s3:bucket", Metric: mark, Statistic: "Average", Unit: mark, Points: []metric.Point{{Date: day, Value: 1739173917.25}}}})
		}
	},
	"listErasures": func(m *matrix) {
		for _, id := range []tenant.ID{"ten_01J00000000000000000000000", "ten_01J00000000000000000000001"} {
			proof := struct {
				Tenant    tenant.ID `json:"tenantId"`
				Statement string    `json:"statement"`
			}{id, mark}
			require.NoError(m, m.app.Store.Directory().Write(m.Context(),
				store.DirectoryChange{Key: store.SubjectErasure(m.app.Issuer.URL, m.victim.subject, id), Value: proof}))
		}
	},
}

// collects tells whether some path goes on below an operation's with an ID: whether what it creates has one.
func (m *matrix) collects(op route.Operation) bool {
	return strings.HasPrefix(op.Path, "/v1/tenants/{tenantId}/") && slices.ContainsFunc(m.real, func(o route.Operation) bool {
		rest, below := strings.CutPrefix(o.Path, op.Path+"/{")
		return below && strings.Contains(rest, "Id}")
	})
}

// plantOne creates one of a collection, marked wherever the operation takes a mark.
func (m *matrix) plantOne(op route.Operation, n int, header map[string]string) {
	ids := m.inTenant(m.victim, op)
	body := m.marked(op, n, shot{path: ids, header: header})
	below, of := "", ""
	for _, o := range m.real {
		if rest, ok := strings.CutPrefix(o.Path, op.Path+"/{"); ok {
			below, _, _ = strings.Cut(rest, "}")
		}
	}
	if strings.Contains(op.Path, "{projectId}") {
		of = " of the project"
	}
	id := m.create(m.victim, op, shot{path: ids, header: header, body: body}) // what marked created, where there is a key
	if m.victim.children[below+of] == "" {
		m.victim.children[below+of] = id
	}
	m.victim.children[fmt.Sprint(below, n)] = id
}

// plantChange changes what is there, as far as the victim may.
func (m *matrix) plantChange(op route.Operation, n int) {
	m.marked(op, n, shot{path: m.inTenant(m.victim, op)})
}

// marked sends an operation of the victim with marks for all texts of its example, takes those back that are refused, and
// gives the body that was taken at last, or that of the example.
func (m *matrix) marked(op route.Operation, n int, s shot) any {
	example := m.example(m.victim, op)
	if example == nil {
		return nil
	}
	shapes := map[string]int{} // of the marks, by location
	for range 8 {
		s.body = texts(example, "body", func(at, old string) any {
			number := n*100 + len(at)
			switch shapes[at] {
			case 0:
				return fmt.Sprintf("%s%d", mark, number)
			case 1:
				return fmt.Sprintf("%s%d@example.com", mark, number)
			}
			return old
		})
		a := m.sendAs(m.app.URL, op, m.victim.Token, s)
		if a.Status < 300 {
			return s.body
		}
		require.Less(m, a.Status, 500, "operation %s: %s", op, a.Body)
		var p route.Problem
		a.Into(m, &p)
		if len(p.Errors) == 0 {
			break
		}
		for _, d := range p.Errors {
			shapes[d.Location]++
		}
	}
	return example
}

// deliver brings costs of January 2026 to a tenant, with a mark in every text and one amount; the project gets them.
func (m *matrix) deliver(p *party, mark, tag string) {
	p.Do(m, "PUT", p.Path("/tag-keys"), map[string]any{"keys": []string{tag}}).Is(m, 200)
	p.Do(m, "PATCH", p.Path("/projects/"+string(p.Project)), map[string]any{"accountIds": []string{mark + "-account"},
		"labels": map[string]string{mark + "-label": mark}}).Is(m, 200)
	var file strings.Builder
	file.WriteString("BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
		"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,RegionId,Tags\n")
	for i, service := range []string{"Amazon " + mark, "Amazon " + mark + " 2"} {
		fmt.Fprintf(&file, "%[1]s%[2]d,%[1]s%[2]d,%[1]s%[2]d,%[1]s%[2]d,%[3]s-payer,%[3]s-account,USD,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,"+
			"2026-01-05T00:00:00Z,2026-01-06T00:00:00Z,Usage,%[4]s,%[3]s-provider,%[3]s-region,\"{\"\"%[5]s\"\":\"\"%[3]s\"\"}\"\n",
			amount, i, mark, service, tag)
	}
	var made struct {
		ID, UploadURL string
	}
	imports := p.Path("/projects/" + string(p.Project) + "/imports")
	p.Do(m, "POST", imports, map[string]any{"format": "csv", "source": mark + "-source", "name": mark + ".csv", "sizeBytes": file.Len()}).
		Is(m, 201).Into(m, &made)
	r, err := http.NewRequestWithContext(m.Context(), http.MethodPut, m.app.at(made.UploadURL), strings.NewReader(file.String()))
	require.NoError(m, err)
	require.Less(m, m.app.With("").Send(m, r).Status, 300)
	m.app.Work(m)
	var d struct{ Status string }
	p.Get(m, imports+"/"+made.ID).Is(m, 200).Into(m, &d)
	require.Equal(m, "succeeded", d.Status)
}

// texts gives a JSON value whose texts are replaced; at is where a text is, as problems name it.
func texts(v any, at string, by func(at, old string) any) any {
	switch v := v.(type) {
	case string:
		return by(at, v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = texts(v[i], fmt.Sprintf("%s[%d]", at, i), by)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = texts(v[k], at+"."+k, by)
		}
		return out
	}
	return v
}

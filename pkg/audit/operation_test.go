package audit_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

// rows gives all rows of a query, page by page.
func rows(t *testing.T, c *apptest.Client, h *apptest.Home, query string) (all []audit.Row) {
	for next := ""; ; {
		var page route.Page[audit.Row]
		c.Get(t, h.Path("/audit?"+query+next)).Is(t, 200).Into(t, &page)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		next = "&cursor=" + url.QueryEscape(page.Next)
	}
}

func rename(t *testing.T, c *apptest.Client, h *apptest.Home, name string) *apptest.Answer {
	return c.Do(t, "PATCH", h.Path(""), body{"name": name}).Is(t, 200)
}

func after(r audit.Row, field string) string {
	for _, f := range r.Changes {
		if f.Name == field {
			return string(f.After)
		}
	}
	return ""
}

func TestARowSaysWhoDidWhatFromWhere(t *testing.T) {
	a := apptest.New(t)
	token, err := a.Issuer.Token("alice", "alice@example.com")
	require.NoError(t, err)
	a.Advance(time.Millisecond)
	answer := rename(t, a.With(token), a.Alice, "New")
	all := rows(t, a.Alice.Client, a.Alice, "limit=1")
	r := all[0]
	require.Equal(t, audit.Row{
		ID: r.ID, At: a.Now(), Actor: audit.Actor{Issuer: a.URL, Subject: "alice", Email: "alice@example.com"}, Credential: tenant.Token,
		Operation: "updateTenant", Target: "tenant/" + string(a.Alice.Tenant), Outcome: audit.Done, RequestID: answer.Header.Get("X-Request-Id"),
		Source: "127.0.0.1", Changes: []audit.Field{{Name: "name", Before: `"alice's"`, After: `"New"`}},
	}, r)
}

func TestListIsYoungestFirstOverMonths(t *testing.T) {
	a := apptest.New(t)
	began := a.Now()
	var want []string
	for i := range 9 {
		a.Advance(20 * 24 * time.Hour)
		name := fmt.Sprint("n", i)
		rename(t, a.As(t, "alice"), a.Alice, name)
		want = append([]string{`"` + name + `"`}, want...)
	}
	alice := a.As(t, "alice")
	whole := "start=" + began.Add(time.Millisecond).Format(time.RFC3339Nano)
	for _, limit := range []int{1, 2, 3, 200} {
		var got []string
		for _, r := range rows(t, alice, a.Alice, fmt.Sprintf("%s&limit=%d", whole, limit)) {
			got = append(got, after(r, "name"))
		}
		require.Equal(t, want, got, "limit %d", limit)
	}
	for name, c := range map[string]struct {
		query string
		want  []string
	}{
		"of the last 30 days":         {"", want[:2]},
		"until before an end":         {"end=" + began.Add(60*24*time.Hour).Format(time.RFC3339), want[7:8]},
		"from a start on":             {"start=" + began.Add(160*24*time.Hour).Format(time.RFC3339), want[:2]},
		"of a day":                    {"start=2026-03-22&end=2026-03-23", want[8:]},
		"of a day without any":        {"start=2026-03-23&end=2026-03-24", nil},
		"of an actor":                 {whole + "&actor=alice", want},
		"of another actor":            {whole + "&actor=bob", nil},
		"of a part of an actor":       {whole + "&actor=alic", nil},
		"of an outcome":               {whole + "&outcome=done", want},
		"of an outcome there is none": {whole + "&outcome=failed&limit=1", nil},
		"of a time in another zone":   {"start=2026-03-22T14:00:00%2B02:00&end=2026-03-22T14:00:00.001%2B02:00", want[8:]},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range rows(t, alice, a.Alice, c.query) {
				got = append(got, after(r, "name"))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestListRefuses(t *testing.T) {
	a := apptest.New(t)
	for name, c := range map[string]struct{ query, says string }{
		"a start that is no time":        {"start=yesterday", "range"},
		"an end of a year out of bounds": {"end=2101-01-01", "range"},
		"a start after the end":          {"start=2026-02-02&end=2026-02-01", "range"},
		"an empty range":                 {"start=2026-02-01&end=2026-02-01", "range"},
		"more than 400 days":             {"start=2025-01-01&end=2026-02-06", "range"},
		"an outcome there is not":        {"outcome=denied", "outcome"},
	} {
		t.Run(name, func(t *testing.T) { a.Alice.Get(t, a.Alice.Path("/audit?"+c.query)).Fails(t, 422, c.says) })
	}
	a.Alice.Get(t, a.Alice.Path("/audit?start=2025-01-01&end=2026-02-05")).Is(t, 200)
	var page route.Page[audit.Row]
	a.Alice.Get(t, a.Alice.Path("/audit?limit=1")).Is(t, 200).Into(t, &page)
	require.NotEmpty(t, page.Next)
	for name, query := range map[string]string{"other parameters": "outcome=done&cursor=" + page.Next, "no list": "cursor=AAAA"} {
		a.Alice.Get(t, a.Alice.Path("/audit?"+query)).Fails(t, 400, "cursor")
		require.NotEmpty(t, name)
	}
	a.Bob.Get(t, a.Bob.Path("/audit?limit=1&cursor="+page.Next)).Fails(t, 400, "cursor")
	a.Join(t, a.Alice.Tenant, "eve", tenant.Editor).Get(t, a.Alice.Path("/audit")).Fails(t, 403, "audit:read")
	limited := a.Join(t, a.Alice.Tenant, "lim", tenant.Admin, a.Alice.Project)
	limited.Get(t, a.Alice.Path("/audit")).Fails(t, 403, "limited to named projects")
}

func TestCSVHoldsTheWholeRangeAndNoFormula(t *testing.T) {
	a := apptest.New(t)
	evil := a.Join(t, a.Alice.Tenant, "=cmd|' /C calc'!A0", tenant.Owner)
	for i := range 250 {
		a.Advance(time.Second)
		rename(t, evil, a.Alice, fmt.Sprintf("-%d, \"q\"", i))
	}
	answer := a.Alice.Do(t, "GET", a.Alice.Path("/audit?limit=10"), nil, "Accept: text/csv").Is(t, 200)
	require.Equal(t, "text/csv; charset=utf-8; header=present", answer.Header.Get("Content-Type"))
	lines, err := csv.NewReader(strings.NewReader(string(answer.Body))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"at", "id", "issuer", "subject", "email", "credential", "operation", "target", "outcome", "reason", "requestId", "source",
		"leftOut", "changes"}, lines[0])
	require.Equal(t, 1+250+2, len(lines), "and the tenant's and its project's creation")
	require.Equal(t, a.Now().Format(time.RFC3339Nano), lines[1][0])
	require.Equal(t, "'=cmd|' /C calc'!A0", lines[1][3])
	require.Equal(t, `[{"name":"name","before":"-248, \"q\"","after":"-249, \"q\""}]`, lines[1][13])
	for _, line := range lines {
		for _, cell := range line {
			require.False(t, cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])), cell)
		}
	}
	require.Equal(t, "application/json", a.Alice.Get(t, a.Alice.Path("/audit")).Header.Get("Content-Type"))
}

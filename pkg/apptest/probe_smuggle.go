package apptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/route"
)

// smuggled are the victim's IDs by their kinds: what requests of others carry where it does not belong.
func (m *matrix) smuggled() map[string]string {
	ids := map[string]string{"tenantId": string(m.victim.Tenant), "projectId": string(m.victim.Project)}
	for name, id := range m.victim.children {
		if never[name] != "" {
			ids[name] = id
		}
	}
	return ids
}

// inTwins shoots with an ID of the victim in one tenant and with one of nobody's in its twin, which is as the first one in
// all: both are answered alike, but for IDs.
func (m *matrix) inTwins(c Class, probe string, own, twin *party, with func(p *party, id string) shot, theirs, nobodys string) {
	shoot := func(p *party, id string) *Answer {
		s := with(p, id)
		s.path = m.own(p)
		a := m.send(p.Token, s)
		if m.op.Method != http.MethodGet && a.Status < 300 {
			m.app.work(m) // of a remote platform, which does it sooner or later
		}
		return a
	}
	if c == InBody {
		m.row.told += theirs + "\n" // from now on they may see it in what they made of it
	}
	a, want := shoot(own, theirs), shoot(twin, nobodys)
	says := ""
	got, expected := anonymous(a, own, theirs), anonymous(want, twin, nobodys)
	if a.Status != want.Status || (a.Status >= 400 || m.op.Method == http.MethodGet) && got != expected {
		says = fmt.Sprintf("it is answered with %d %.300s and, with an ID that never was, with %d %.300s", a.Status, differing(got, expected), want.Status, differing(expected, got))
	}
	m.judge(c, probe, a, says)
}

// differing is a text from a little before where it begins to differ from another.
func differing(text, from string) string {
	n := 0
	for n < len(text) && n < len(from) && text[n] == from[n] {
		n++
	}
	return text[max(0, min(n, len(text))-60):]
}

// anonymous is the body with all IDs and the sent one alike.
func anonymous(a *Answer, p *party, id string) string {
	text := strings.ReplaceAll(string(a.Body), id, "ID")
	text = strings.ReplaceAll(text, p.subject, "SUBJECT")
	text = anExternalID.ReplaceAllString(text, "EXTERNAL-ID")
	text = aDigest.ReplaceAllString(aDownload.ReplaceAllString(text, "DOWNLOAD"), "DIGEST")
	return aTime.ReplaceAllString(anID.ReplaceAllString(text, "${1}_ID"), "TIME")
}

// What differs between any two archives: bytes of compressed IDs, their digests, and addresses; between any two runs, how long they took; and
// between any two connections.
var (
	aDigest      = regexp.MustCompile(`[0-9a-f]{64}|"sizeBytes":\d+|"durationMs":\d+`)
	anExternalID = regexp.MustCompile(`tne_[a-z2-7]{32}`)
	aDownload    = regexp.MustCompile(`/downloads/[\w-]+|"downloadUrl":"http[^"]*"`)
)

var aTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+Z`)

// inBodies puts each of the victim's IDs into each text of the example's body, and into fields beside them.
func (m *matrix) inBodies(own, twin *party) {
	var places []string
	example := m.example(own, m.op)
	texts(example, "body", func(at, old string) any { places = append(places, at); return old })
	if _, object := example.(map[string]any); !object {
		return
	}
	slices.Sort(places)
	ids := m.smuggled()
	for _, kind := range slices.Sorted(maps.Keys(ids)) {
		for _, place := range places {
			m.inTwins(InBody, kind+" at "+place, own, twin, func(p *party, id string) shot {
				return shot{body: texts(m.example(p, m.op), "body", func(at, old string) any {
					if at == place {
						return id
					}
					return old
				})}
			}, ids[kind], never[kind])
		}
	}
	for _, field := range []string{"tenantId", "tenant", "organizationId", "projectId", "id"} {
		m.inTwins(InBody, "as "+field, own, twin, func(p *party, id string) shot {
			body, _ := m.example(p, m.op).(map[string]any)
			if body[field] == nil {
				body[field] = id
			}
			return shot{body: body}
		}, ids["tenantId"], never["tenantId"])
	}
}

// inQueries puts each of the victim's IDs into each parameter of the query, and into parameters that there are not.
func (m *matrix) inQueries(own, twin *party) {
	r, err := m.op.NewRequest(m.Context(), "", nil)
	require.NoError(m, err)
	example, ids := r.URL.Query(), m.smuggled()
	names := slices.DeleteFunc(parameters(m, m.op, "query"), func(name string) bool { return name == "cursor" })
	for _, kind := range slices.Sorted(maps.Keys(ids)) {
		for _, name := range append(names, "tenantId", "tenant", "project") {
			forms := []string{"%s"}
			if strings.Contains(example.Get(name), ":") { // "dimension:value"
				forms = append(forms, "project:%s", "!project:%s")
			}
			for _, form := range forms {
				m.inTwins(InQuery, fmt.Sprintf("%s as %s="+form, kind, name, kind), own, twin, func(_ *party, id string) shot {
					return shot{query: url.Values{name: {fmt.Sprintf(form, id)}}}
				}, ids[kind], never[kind])
			}
		}
	}
}

// inHeaders puts the victim's IDs and Idempotency-Key into the headers that the operation reads, and into those that proxies
// and other platforms set.
func (m *matrix) inHeaders(own, twin *party) {
	ids := m.smuggled()
	try := func(name, form, theirs, nobodys string) {
		m.inTwins(InHeader, name, own, twin, func(_ *party, id string) shot {
			return shot{header: map[string]string{name: strings.ReplaceAll(form, "ID", id)}}
		}, theirs, nobodys)
	}
	for _, name := range parameters(m, m.op, "header") {
		for _, kind := range slices.Sorted(maps.Keys(ids)) {
			if name != "Accept" {
				try(name, "ID", ids[kind], never[kind])
			}
		}
		if name == "Idempotency-Key" {
			try(name, "ID", mark+"-key", "nobodys-key")
		}
	}
	for _, name := range []string{"X-Tenant-Id", "X-Tenant", "X-Organization-Id", "X-Amzn-Tenant", "X-User", "X-Forwarded-User"} {
		try(name, "ID", ids["tenantId"], never["tenantId"])
	}
	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Prefix", "Referer"} {
		try(name, "/v1/tenants/ID", ids["tenantId"], never["tenantId"])
	}
	try("Cookie", "tenant=ID", ids["tenantId"], never["tenantId"])
}

// cursors asks in the own tenant for the page after the victim's first one.
func (m *matrix) cursors(own *party) {
	first, pages := m.next[m.op.ID]
	if !pages {
		return
	}
	s := shot{query: maps.Clone(first.query)}
	if m.ofTenant() {
		s.path = m.own(own)
	}
	broken := []byte(first.cursor)
	broken[0] ^= 1
	s.query.Set("cursor", string(broken))
	want := m.send(own.Token, s)
	m.judge(Cursor, "one that never was", want, is(want, http.StatusBadRequest))
	s.query.Set("cursor", first.cursor)
	a := m.send(own.Token, s)
	m.judge(Cursor, "the other tenant's", a, same(want, a))
}

// first is the query of a first page, and the cursor of the second.
type first struct {
	query  url.Values
	cursor string
}

// page asks the victim's first page of an operation for the cursor of the next: as the example says, else without anything
// that the example asks for.
func (m *matrix) page(op route.Operation) {
	if !slices.Contains(parameters(m, op, "query"), "cursor") {
		return
	}
	for _, query := range []url.Values{{}, nothing(m, op)} {
		query.Set("limit", "1")
		a := m.sendAs(m.server, op, m.victim.Token, shot{path: m.inTenant(m.victim, op), query: query})
		var page struct{ Next string }
		if a.Status == http.StatusOK {
			a.Into(m, &page)
		}
		if page.Next != "" {
			m.next[op.ID] = first{query, page.Next}
			return
		}
	}
	require.Fail(m, "no second page", "operation %s pages, and with limit=1 the other tenant has only one page: add a second one of the kind "+
		"to `besides` in pkg/apptest/plant.go, under %q", op, op.ID)
}

// QueryParameters are the names of an operation's parameters in the query.
func QueryParameters(t testing.TB, op route.Operation) []string { return parameters(t, op, "query") }

// parameters asks the operation for the names of its parameters in the query or the headers.
func parameters(t require.TestingT, op route.Operation, in string) (names []string) {
	doc, err := route.OpenAPI([]route.Operation{op}, route.Info{})
	require.NoError(t, err)
	var d struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	require.NoError(t, json.Unmarshal(doc, &d))
	for _, methods := range d.Paths {
		for _, o := range methods {
			for _, p := range o.Parameters {
				if p.In == in {
					names = append(names, p.Name)
				}
			}
		}
	}
	return names
}

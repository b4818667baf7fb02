package apptest

import (
	"encoding/base64"
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
	"github.com/tenantry/tenantry/pkg/tenant"
)

// identities shoots at the victim's own paths with all that identifies nobody.
func (m *matrix) identities() {
	path := m.own(m.victim)
	tokens := m.app.BadTokens(m, m.victim.subject)
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		m.nobody(name, m.send(tokens[name], shot{path: path}), "")
	}
	want := m.send(m.bad["a key that never was"], shot{path: path})
	for _, name := range slices.Sorted(maps.Keys(m.bad)) {
		a := m.send(m.bad[name], shot{path: path})
		m.nobody(name, a, same(want, a))
	}
}

// nobody judges the answer to what identifies nobody.
func (m *matrix) nobody(probe string, a *Answer, says string) {
	if unauthorized := is(a, http.StatusUnauthorized); unauthorized != "" {
		says = unauthorized
	}
	if says == "" && !strings.Contains(a.Header.Get("WWW-Authenticate"), "Bearer") {
		says = "it does not ask for a Bearer token"
	}
	m.judge(Identity, probe, a, says)
}

// holder is who has a role in a tenant: a member, or an API key.
type holder struct {
	*Client
	what string
	key  bool
}

// holders gives a member and, where keys have it, an API key of a role.
func (m *matrix) holders(home *party, subject string, role tenant.Role, projects ...tenant.ProjectID) []holder {
	all := []holder{{m.app.Join(m, home.Tenant, subject, role, projects...), string(role), false}}
	if role != tenant.Owner {
		key, _ := home.Key(m, role, projects...)
		all = append(all, holder{key, "a key of " + string(role), true})
	}
	return all
}

// may tells whether a holder of the role has the permission that the operation needs.
func (m *matrix) may(h holder, role tenant.Role) bool {
	return role.May(m.op.Permission) && !(h.key && m.op.Permission.Personal())
}

// keys shoots with an API key at what is no tenant's.
func (m *matrix) keys(own *party) {
	key, _ := own.Key(m, tenant.Admin)
	a := m.send(key.Token, shot{})
	says := ""
	switch {
	case m.op.Permission == tenant.Person:
		says = is(a, http.StatusForbidden)
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		says = is(a, http.StatusOK)
	}
	m.judge(Role, "a key", a, says)
}

// strangers shoots at the victim's own paths, as a member of another tenant and as somebody who is in none.
func (m *matrix) strangers(own *party) {
	key, _ := own.Key(m, tenant.Admin)
	for stranger, token := range map[string]string{own.subject: own.Token, "nobody": m.app.As(m, "nobody-"+m.op.ID).Token, "a key": key.Token} {
		path := m.own(m.victim)
		path["tenantId"] = never["tenantId"]
		want := m.send(token, shot{path: path})
		m.judge(Stranger, "a tenant that never was", want, is(want, http.StatusNotFound))
		id := string(m.victim.Tenant)
		for _, near := range []string{id, id + "x", strings.ToLower(id), id[:29], id + "%23P%23" + string(m.victim.Project), "x"} {
			path["tenantId"] = near
			a := m.send(token, shot{path: path})
			m.judge(Stranger, "as "+stranger+" at "+near, a, same(want, a))
		}
	}
}

// roles shoots with each role below the permission: at the own tenant's children, the victim's and nobody's.
func (m *matrix) roles(own *party) {
	for _, role := range []tenant.Role{tenant.Viewer, tenant.Editor, tenant.Admin} {
		for _, h := range m.holders(own, m.op.ID+"-"+string(role), role) {
			if !m.may(h, role) {
				m.refused(own, h)
			}
		}
	}
}

// refused shoots as a holder who lacks the permission.
func (m *matrix) refused(own *party, h holder) {
	path := m.own(own)
	want := m.send(h.Token, shot{path: path})
	says := is(want, http.StatusForbidden)
	if says == "" && !strings.Contains(string(want.Body), string(m.op.Permission)) {
		says = "the problem does not name the permission"
	}
	m.judge(Role, h.what, want, says)
	for name, children := range map[string]map[string]string{"the other tenant's": m.own(m.victim), "nobody's": never} {
		for id := range path {
			if id != "tenantId" {
				path[id] = children[id]
			}
		}
		if len(path) > 1 {
			a := m.send(h.Token, shot{path: path})
			m.judge(Role, h.what+" at children that are "+name, a, same(want, a))
		}
	}
}

// allowed shoots with each role that has the permission, in a tenant that nothing else needs.
func (m *matrix) allowed() {
	home := m.found(m.op.ID + "-c")
	for _, role := range []tenant.Role{tenant.Viewer, tenant.Editor, tenant.Admin, tenant.Owner} {
		if !role.May(m.op.Permission) {
			continue
		}
		path := map[string]string{"tenantId": string(home.Tenant)}
		for _, id := range parametersOf(m.op) { // nobody's, so that the call changes little
			if id != "tenantId" {
				path[id] = never[id]
			}
		}
		for _, h := range m.holders(home, m.op.ID+"-may-"+string(role), role) {
			if !m.may(h, role) {
				continue
			}
			a := m.send(h.Token, shot{path: path})
			says := ""
			if a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden {
				says = is(a, http.StatusOK)
			}
			m.judge(Role, h.what+" has the permission", a, says)
		}
	}
}

// limited shoots as a member and as an API key of the least role that has the permission, limited to another project of the
// tenant.
func (m *matrix) limited() {
	home := m.found(m.op.ID + "-d")
	if m.op.Method == http.MethodGet {
		m.deliver(home, hidden, "team") // what is kept of tags is the tenant's
	}
	role := tenant.Viewer
	for _, r := range []tenant.Role{tenant.Owner, tenant.Admin, tenant.Editor, tenant.Viewer} {
		if r.May(m.op.Permission) {
			role = r
		}
	}
	for _, h := range m.holders(home, m.op.ID+"-limited", role, home.other) {
		if m.may(h, role) {
			m.elsewhere(home, h)
		}
	}
	if m.op.Reach == route.Whole {
		m.whole(home)
	}
}

// whole shoots with every role that has the permission, limited to a project, at what is of the whole organization.
func (m *matrix) whole(home *party) {
	for _, role := range []tenant.Role{tenant.Viewer, tenant.Editor, tenant.Admin, tenant.Owner} {
		for _, h := range m.holders(home, m.op.ID+"-of-parts-"+string(role), role, home.other) {
			if !m.may(h, role) {
				continue
			}
			path, before := m.own(home), m.app.Holdings(m)
			want := m.send(h.Token, shot{path: path})
			m.judge(Limited, h.what+", of the whole organization", want, is(want, http.StatusForbidden))
			for name := range path {
				if name != "tenantId" {
					path[name] = never[name]
				}
			}
			a := m.send(h.Token, shot{path: path})
			m.judge(Limited, h.what+", of the whole organization, at nobody's children", a, same(want, a))
			m.count(Limited, h.what+", of the whole organization: what there is", grown(before, m.app.Holdings(m)))
		}
	}
}

// grown tells what there is that was not there or was another, but for what is kept of requests.
func grown(before, after map[string]string) string {
	for name, item := range after {
		if before[name] != item && !aBook.MatchString(name) {
			return "it changed " + clean(name)
		}
	}
	return ""
}

// aBook is the name of an item that counts or tells of requests.
var aBook = regexp.MustCompile(`#A#|RATE#|USAGE#|KEYUSE#`)

// elsewhere shoots as a holder who is limited to another project.
func (m *matrix) elsewhere(home *party, h holder) {
	path := m.own(home)
	before := m.of(home.Project)
	a := m.send(h.Token, shot{path: path})
	says := ""
	if id := path["projectId"]; id != "" {
		path["projectId"] = never["projectId"]
		want := m.send(h.Token, shot{path: path})
		m.judge(Limited, h.what+", a project that never was", want, is(want, http.StatusNotFound))
		says = same(want, a)
	} else if strings.Contains(string(a.Body)+headers(a), hidden) {
		says = fmt.Sprintf("it shows the hidden project: %.300s", a.Body)
	}
	m.judge(Limited, h.what+", the tenant's other project", a, says)
	if m.op.Method == http.MethodGet {
		all, says := m.send(h.Token, shot{path: m.own(home), query: nothing(m, m.op)}), ""
		if strings.Contains(string(all.Body)+headers(all), hidden) {
			says = fmt.Sprintf("it shows the hidden project: %.300s", all.Body)
		}
		m.judge(Limited, h.what+", without what the example asks for", all, says)
	}
	if slices.Contains(parameters(m, m.op, "query"), "cursor") {
		m.walk(home, h)
	}
	for _, name := range parametersOf(m.op) {
		m.hiddenChild(home, h.Client, name)
	}
	if after := m.of(home.Project); !maps.Equal(before, after) {
		m.count(Limited, "what the hidden project has", "it changed")
	}
}

// walk takes a list by pages of one: its cursors name nothing that is not shown.
func (m *matrix) walk(home *party, h holder) {
	path := m.own(home)
	if path["projectId"] != "" {
		path["projectId"] = string(home.other)
	}
	query, shown := nothing(m, m.op), ""
	query.Set("limit", "1")
	for range 10 {
		a := m.send(h.Token, shot{path: path, query: query})
		var page map[string]any
		if a.Status != http.StatusOK {
			return
		}
		a.Into(m, &page)
		next, _ := page["next"].(string)
		delete(page, "next")
		shown += fmt.Sprint(page)
		stands, err := base64.RawURLEncoding.DecodeString(next)
		says := ""
		for _, id := range anID.FindAllString(string(stands), -1) {
			if err != nil || !strings.Contains(shown, id) {
				says = fmt.Sprintf("its cursor stands on %q, which is not shown", stands)
			}
		}
		m.judge(Limited, h.what+", page by page", a, says)
		if next == "" {
			return
		}
		query.Set("cursor", next)
	}
}

// nothing leaves all out that the example's query has.
func nothing(t testing.TB, op route.Operation) url.Values {
	r, err := op.NewRequest(t.Context(), "", nil)
	require.NoError(t, err)
	query := r.URL.Query()
	for name := range query {
		query[name] = nil
	}
	return query
}

// hiddenChild shoots at what belongs to the hidden project without naming the project.
func (m *matrix) hiddenChild(home *party, h *Client, name string) {
	of := "/v1/tenants/{tenantId}/projects/{projectId}/"
	collection, _, _ := strings.Cut(m.op.Path, "/{"+name+"}")
	kind := collection[strings.LastIndexByte(collection, '/')+1:]
	if name == "tenantId" || name == "projectId" || strings.HasPrefix(collection, of) {
		return
	}
	for _, op := range m.real {
		if op.Method == http.MethodPost && op.Path == of+kind {
			path := m.own(home)
			path[name] = never[name]
			want := m.send(h.Token, shot{path: path})
			path[name] = m.child(home, of+kind+"/{"+name+"}", name)
			a := m.send(h.Token, shot{path: path})
			m.judge(Limited, "the hidden project's "+name, a, same(want, a))
		}
	}
}

// of is all that the platform holds below a project, and its own item.
func (m *matrix) of(p tenant.ProjectID) map[string]string {
	all := m.app.Holdings(m)
	maps.DeleteFunc(all, func(name, _ string) bool { return !strings.Contains(name, string(p)) })
	return all
}

// foreignChildren shoots at the victim's children in the own tenant, each alone and all at once.
func (m *matrix) foreignChildren(own *party) {
	theirs := m.own(m.victim)
	names := parametersOf(m.op)[1:]
	all := m.own(own)
	for _, name := range names {
		path := m.own(own)
		path[name] = never[name]
		want := m.send(own.Token, shot{path: path})
		m.judge(Child, "one that never was, as "+name, want, is(want, http.StatusNotFound))
		for _, id := range []string{theirs[name], theirs[name] + "x", "x", string(m.victim.Tenant)} {
			path[name] = id
			a := m.send(own.Token, shot{path: path})
			m.judge(Child, id+" as "+name, a, same(want, a))
		}
		all[name] = theirs[name]
	}
	if len(names) > 1 {
		path := m.own(own)
		for _, name := range names {
			path[name] = never[name]
		}
		want := m.send(own.Token, shot{path: path})
		a := m.send(own.Token, shot{path: all})
		m.judge(Child, "all at once", a, same(want, a))
	}
}

// same tells in what two answers differ but their time and request ID.
func same(want, got *Answer) string {
	if want.Status != got.Status || string(want.Body) != string(got.Body) {
		return fmt.Sprintf("it is answered with %d %.300s and not with %d %.300s", got.Status, got.Body, want.Status, want.Body)
	}
	for _, h := range []http.Header{want.Header, got.Header} {
		h.Del("X-Request-Id")
		h.Del("Date")
		h.Del("RateLimit") // counts the tenant's own requests
	}
	if w, g := headers(want), headers(got); w != g {
		return fmt.Sprintf("its headers are %q and not %q", g, w)
	}
	return ""
}

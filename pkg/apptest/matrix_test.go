package apptest_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// world is a server whose operations may be broken, and what they break with: sight of everything there is.
type world struct {
	*apptest.App
	engine apptest.Engine
}

func newWorld(t *testing.T) *world {
	w := &world{}
	w.App = apptest.On(t, func(t testing.TB, clock func() time.Time) apptest.Engine {
		w.engine = apptest.Bolt(t, clock)
		return w.engine
	})
	return w
}

// as gives the handle of any tenant.
func (w *world) as(id string) (*store.Tenant, error) {
	scope, err := identity.Found(tenant.Principal{Subject: "broken"}, tenant.ID(id), tenant.Free)
	if err != nil {
		return nil, fault.New(fault.NotFound, "no")
	}
	return w.Store.Tenant(scope)
}

var aTenant = regexp.MustCompile(`ten_[0-9A-Z]{26}`)

// ownerOf finds whose a project is; "" where it is nobody's.
func (w *world) ownerOf(t *testing.T, p string) string {
	for name := range w.engine.Items(t) {
		if strings.HasSuffix(name, "PROJECT#"+p) {
			return aTenant.FindString(name)
		}
	}
	return ""
}

type named struct {
	ID   tenant.ProjectID `json:"id,omitempty"`
	Name string           `json:"name"`
}

type in struct {
	route.Paging
	TenantID string `query:"tenantId"`
	Tenant   string `header:"X-Tenant-Id"`
}

type out struct {
	Body route.Page[named]
}

type peekIn struct {
	ProjectID string `path:"projectId"`
}

type makeIn struct {
	route.IdempotencyKey
	Body struct {
		TenantID string `json:"tenantId,omitempty"`
		Name     string `json:"name"`
	}
}

type makeOut struct{ Body struct{ Text string } }

// list lists projects of the handle's tenant.
func list(ctx context.Context, h *store.Tenant, l store.List, sees func(tenant.ProjectID) bool) (*out, string, error) {
	page, err := h.Query(ctx, store.Projects(), l)
	o := &out{Body: route.Page[named]{Items: []named{}}}
	for _, r := range page.Records {
		var p named
		if err := r.Value.Decode(&p); err != nil {
			return nil, "", err
		}
		if sees(p.ID) {
			o.Body.Items = append(o.Body.Items, p)
		}
	}
	return o, page.Next, err
}

type (
	lister = func(context.Context, *tenant.Scope, *in) (*out, error)
	peeker = func(context.Context, *tenant.Scope, *peekIn) (*out, error)
	maker  = func(context.Context, *tenant.Scope, *makeIn) (*makeOut, error)
)

func operation[In, Out any](method, path string, example In, h func(context.Context, *tenant.Scope, *In) (*Out, error)) []route.Operation {
	p := map[string]tenant.Permission{"GET": tenant.ReadAudit, "POST": tenant.WriteProject}[method]
	return []route.Operation{route.ForTenant(route.Spec{ID: "broken", Method: method, Path: "/v1/tenants/{tenantId}" + path,
		Permission: p, Reach: route.Within, Function: route.API, Summary: "Broken", Tag: "Broken", Example: example}, h)}
}

func lists(h lister) []route.Operation { return operation("GET", "/things", in{}, h) }

func peeks(h peeker) []route.Operation {
	return operation("GET", "/projects/{projectId}/things", peekIn{}, h)
}

func makes(h maker) []route.Operation {
	example := makeIn{}
	example.Body.Name = "a"
	return operation("POST", "/things", example, h)
}

// whole are operations that have nothing wrong.
func (w *world) list(ctx context.Context, scope *tenant.Scope, in *in) (*out, error) {
	return w.listSeeing(ctx, scope, in, scope.Sees)
}

func (w *world) listSeeing(ctx context.Context, scope *tenant.Scope, in *in, sees func(tenant.ProjectID) bool) (*out, error) {
	h, err := w.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	page, err := route.PageOf(in.Paging, route.NewCursors("broken", string(scope.Tenant())), func(l store.List) (store.Page, error) {
		return h.Query(ctx, store.Projects(), l)
	}, func(p named) (named, bool) { return p, sees(p.ID) })
	return &out{Body: page}, err
}

func (w *world) peek(ctx context.Context, scope *tenant.Scope, in *peekIn) (*out, error) {
	h, err := w.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	id, err := tenant.ParseProjectID(in.ProjectID)
	var p named
	if version, failed := h.Read(ctx, store.Project(id), &p); failed != nil && err == nil {
		return nil, failed
	} else if version == 0 || err != nil || !scope.Sees(id) {
		return nil, fault.New(fault.NotFound, "There is no such project.")
	}
	return &out{Body: route.Page[named]{Items: []named{p}}}, nil
}

func (w *world) make(_ context.Context, _ *tenant.Scope, in *makeIn) (*makeOut, error) {
	o := &makeOut{}
	o.Body.Text = in.Body.Name
	return o, nil
}

// door is an authorizer that has something wrong.
type door struct {
	route.Authorizer
	scope func(tenant.Principal, error, string, tenant.Permission) (*tenant.Scope, error)
}

func (d door) Scope(ctx context.Context, authorization, id string, need tenant.Permission) (*tenant.Scope, error) {
	p, err := d.Principal(ctx, authorization)
	return d.scope(p, err, id, need)
}

func TestTheMatrixFindsNothingWhereNothingIsWrong(t *testing.T) {
	for name, of := range map[string]func(*world) []route.Operation{
		"a list":     func(w *world) []route.Operation { return lists(w.list) },
		"a child":    func(w *world) []route.Operation { return peeks(w.peek) },
		"a creation": func(w *world) []route.Operation { return makes(w.make) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			auth, err := w.Authorizer()
			require.NoError(t, err)
			r := w.Matrix(t, w.ServeAs(t, of(w), auth), of(w))
			require.Empty(t, r.Leaks)
			require.Greater(t, r.Probes(), 40)
		})
	}
}

func TestTheMatrixFindsWhatDoorsLetThrough(t *testing.T) {
	for name, c := range map[string]struct {
		found apptest.Class
		scope func(tenant.Principal, error, string, tenant.Permission) (*tenant.Scope, error)
	}{
		"anybody": {apptest.Identity, func(p tenant.Principal, _ error, id string, _ tenant.Permission) (*tenant.Scope, error) {
			return found(p, id)
		}},
		"members of any tenant": {apptest.Stranger, func(p tenant.Principal, err error, id string, _ tenant.Permission) (*tenant.Scope, error) {
			if err != nil {
				return nil, err
			}
			return found(p, id)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			auth, err := w.Authorizer()
			require.NoError(t, err)
			finds(t, w, c.found, lists(w.list), door{auth, c.scope})
		})
	}
	t.Run("members of any role", func(t *testing.T) {
		w := newWorld(t)
		auth, err := w.Authorizer()
		require.NoError(t, err)
		finds(t, w, apptest.Role, lists(w.list), anyRole{auth})
	})
}

// anyRole asks members for less than the operation needs.
type anyRole struct{ route.Authorizer }

func (d anyRole) Scope(ctx context.Context, authorization, id string, _ tenant.Permission) (*tenant.Scope, error) {
	return d.Authorizer.Scope(ctx, authorization, id, tenant.ReadTenant)
}

func found(p tenant.Principal, id string) (*tenant.Scope, error) {
	s, err := identity.Found(p, tenant.ID(id), tenant.Free)
	if err != nil {
		return nil, fault.New(fault.NotFound, "no")
	}
	return s, nil
}

func finds(t *testing.T, w *world, class apptest.Class, ops []route.Operation, auth route.Authorizer) {
	r := w.Matrix(t, w.ServeAs(t, ops, auth), ops)
	of := map[apptest.Class]int{}
	for _, leak := range r.Leaks {
		of[leak.Class]++
	}
	require.Positive(t, of[class], "%v", r.Leaks)
}

// broken is what operations may be, and the class of probes that finds it.
type broken struct {
	found apptest.Class
	ops   func(*testing.T, *world) []route.Operation
}

func findsEach(t *testing.T, all map[string]broken) {
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			auth, err := w.Authorizer()
			require.NoError(t, err)
			finds(t, w, c.found, c.ops(t, w), auth)
		})
	}
}

func seeAll(tenant.ProjectID) bool { return true }

func TestTheMatrixFindsWhatListsBreak(t *testing.T) {
	findsEach(t, map[string]broken{
		"a cursor that names the tenant": {apptest.Cursor, func(_ *testing.T, w *world) []route.Operation {
			return lists(func(ctx context.Context, s *tenant.Scope, in *in) (*out, error) {
				id, after := string(s.Tenant()), ""
				if b, err := base64.RawURLEncoding.DecodeString(in.Cursor); in.Cursor != "" {
					if id, after, _ = strings.Cut(string(b), " "); err != nil || after == "" {
						return nil, fault.New(fault.Malformed, "no cursor")
					}
				}
				h, err := w.as(id)
				if err != nil {
					return nil, err
				}
				o, next, err := list(ctx, h, store.List{After: after, Limit: in.Limit}, s.Sees)
				if next != "" {
					o.Body.Next = base64.RawURLEncoding.EncodeToString([]byte(id + " " + next))
				}
				return o, err
			})
		}},
	})
}

func TestTheMatrixFindsWhereListsTrustWhatIsSent(t *testing.T) {
	findsEach(t, map[string]broken{
		"a query whose tenant is trusted": {apptest.InQuery, func(_ *testing.T, w *world) []route.Operation {
			return lists(func(ctx context.Context, s *tenant.Scope, in *in) (*out, error) {
				if h, err := w.as(in.TenantID); err == nil {
					o, _, err := list(ctx, h, store.List{}, s.Sees)
					return o, err
				}
				return w.list(ctx, s, in)
			})
		}},
		"a header whose tenant is trusted": {apptest.InHeader, func(_ *testing.T, w *world) []route.Operation {
			return lists(func(ctx context.Context, s *tenant.Scope, in *in) (*out, error) {
				if h, err := w.as(in.Tenant); err == nil {
					o, _, err := list(ctx, h, store.List{}, s.Sees)
					return o, err
				}
				return w.list(ctx, s, in)
			})
		}},
		"cursors that stand on what is hidden": {apptest.Limited, func(_ *testing.T, w *world) []route.Operation {
			return lists(func(ctx context.Context, s *tenant.Scope, in *in) (*out, error) {
				h, err := w.Store.Tenant(s)
				if err != nil {
					return nil, err
				}
				cursors := route.NewCursors("broken", string(s.Tenant()))
				after, err := cursors.Key(in.Cursor)
				if err != nil {
					return nil, err
				}
				o, next, err := list(ctx, h, store.List{After: after, Limit: in.Limit}, s.Sees)
				if next != "" {
					o.Body.Next = cursors.Make(next)
				}
				return o, err
			})
		}},
		"limits that are forgotten": {apptest.Limited, func(_ *testing.T, w *world) []route.Operation {
			return lists(func(ctx context.Context, s *tenant.Scope, in *in) (*out, error) {
				return w.listSeeing(ctx, s, in, seeAll)
			})
		}},
		"a failure of its own": {apptest.InQuery, func(_ *testing.T, w *world) []route.Operation {
			return lists(func(ctx context.Context, s *tenant.Scope, in *in) (*out, error) {
				if in.TenantID != "" {
					panic("a tenant")
				}
				return w.list(ctx, s, in)
			})
		}},
	})
}

func TestTheMatrixFindsWhatHandlersBreak(t *testing.T) {
	findsEach(t, map[string]broken{
		"a body whose tenant is trusted": {apptest.InBody, func(_ *testing.T, w *world) []route.Operation {
			return makes(func(ctx context.Context, s *tenant.Scope, in *makeIn) (*makeOut, error) {
				h, err := w.as(cmp.Or(in.Body.TenantID, string(s.Tenant())))
				if err != nil {
					return nil, err
				}
				all, _, err := list(ctx, h, store.List{}, seeAll)
				o := &makeOut{}
				o.Body.Text = fmt.Sprint(all)
				return o, err
			})
		}},
		"a child of any tenant": {apptest.Child, func(t *testing.T, w *world) []route.Operation {
			return peeks(func(ctx context.Context, s *tenant.Scope, in *peekIn) (*out, error) {
				h, err := w.as(w.ownerOf(t, in.ProjectID))
				if err != nil {
					return w.peek(ctx, s, in)
				}
				var p named
				_, err = h.Read(ctx, store.Project(tenant.ProjectID(in.ProjectID)), &p)
				return &out{Body: route.Page[named]{Items: []named{p}}}, err
			})
		}},
		"other words for what is somebody's": {apptest.Child, func(t *testing.T, w *world) []route.Operation {
			return peeks(func(ctx context.Context, s *tenant.Scope, in *peekIn) (*out, error) {
				if of := w.ownerOf(t, in.ProjectID); of != "" && of != string(s.Tenant()) {
					return nil, fault.New(fault.NotFound, "There is no such project here.")
				}
				return w.peek(ctx, s, in)
			})
		}},
		"a log that tells a name": {apptest.Logged, func(t *testing.T, w *world) []route.Operation {
			return peeks(func(ctx context.Context, s *tenant.Scope, in *peekIn) (*out, error) {
				if h, err := w.as(w.ownerOf(t, in.ProjectID)); err == nil {
					var p named
					_, _ = h.Read(ctx, store.Project(tenant.ProjectID(in.ProjectID)), &p)
					fmt.Fprintln(w.Log, "no access to", p.Name)
				}
				return w.peek(ctx, s, in)
			})
		}},
		"a change of what is somebody's": {apptest.Changed, func(t *testing.T, w *world) []route.Operation {
			return peeks(func(ctx context.Context, s *tenant.Scope, in *peekIn) (*out, error) {
				if h, err := w.as(w.ownerOf(t, in.ProjectID)); err == nil {
					_, _ = h.Add(ctx, store.Project(tenant.ProjectID(in.ProjectID)), map[string]int64{"asked": 1}, time.Time{})
				}
				return w.peek(ctx, s, in)
			})
		}},
		"something new beside what is somebody's": {apptest.Changed, func(t *testing.T, w *world) []route.Operation {
			return peeks(func(ctx context.Context, s *tenant.Scope, in *peekIn) (*out, error) {
				if h, err := w.as(w.ownerOf(t, in.ProjectID)); err == nil {
					_, _ = h.Add(ctx, store.Usage(0), map[string]int64{"asked": 1}, time.Time{})
				}
				return w.peek(ctx, s, in)
			})
		}},
	})
}

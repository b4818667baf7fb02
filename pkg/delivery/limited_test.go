package delivery_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// second makes another project beside the tenant's first.
func (t *tester) second(name string) tenant.ProjectID {
	var made struct{ ID string }
	t.home.Do(t, "POST", t.home.Path("/projects"), map[string]any{"name": name, "environment": "production"}).Is(t, 201).Into(t, &made)
	return tenant.ProjectID(made.ID)
}

// plant stores deliveries aimed at a project, as if each had been announced so long after the one before.
func (t *tester) plant(n int, of tenant.ProjectID, every time.Duration) {
	scope, err := organization.Work(t.Context(), t.app.Store, t.home.Tenant, "test")
	require.NoError(t, err)
	h, err := t.app.Store.Tenant(scope)
	require.NoError(t, err)
	var all []store.Change
	for range n {
		t.app.Advance(every)
		id, err := tenant.NewDeliveryID(t.app.Now(), rand.Reader)
		require.NoError(t, err)
		all = append(all, store.Change{Key: store.Delivery(id), Value: delivery.Delivery{ID: id, ProjectID: of, CreatedAt: t.app.Now()}})
	}
	require.NoError(t, h.Load(t.Context(), all))
}

// walk lists deliveries from page to page, and gives the IDs and where the cursors stood.
func (t *tester) walk(c *apptest.Client, path string) (ids, stood []string) {
	for next := ""; ; {
		var page route.Page[delivery.Delivery]
		c.Get(t, t.home.Path(path)+next).Is(t, 200).Into(t, &page)
		for _, d := range page.Items {
			ids = append(ids, string(d.ID))
		}
		if page.Next == "" {
			return ids, stood
		}
		at, err := base64.RawURLEncoding.DecodeString(page.Next)
		require.NoError(t, err)
		stood, next = append(stood, string(at[12:])), "&cursor="+page.Next
	}
}

// Cursors of deliveries stand on those that were listed, or at a full hour where thousands are not for the caller.
func TestCursorsNameNoDeliveryThatIsNotListed(t *testing.T) {
	x := newTester(t)
	mine, hidden := x.second("mine"), x.home.Project
	x.plant(2, mine, 40*time.Minute)
	x.plant(2600, hidden, 3*time.Second)
	x.plant(3, mine, time.Second)
	x.plant(5, hidden, time.Second)
	x.app.Advance(time.Hour) // tokens end
	eve := x.app.Join(t, x.home.Tenant, "eve", tenant.Viewer, mine)
	x.home = &apptest.Home{Client: x.app.As(t, "alice"), Tenant: x.home.Tenant, Project: x.home.Project}
	for _, path := range []string{"/imports?limit=2", "/projects/" + string(mine) + "/imports?limit=2"} {
		ids, stood := x.walk(eve, path)
		require.Len(t, ids, 5)
		hours := 0
		for _, at := range stood {
			id := strings.TrimPrefix(at, "DELIVERY#")
			if strings.HasSuffix(id, strings.Repeat("0", 16)) {
				hours++
				continue
			}
			require.Contains(t, ids, id, "%s stood at %v", path, stood)
		}
		require.Equal(t, 1, hours, "%v", stood)
	}
	all, _ := x.walk(x.home.Client, "/imports?limit=200")
	require.Len(t, all, 2610)
}

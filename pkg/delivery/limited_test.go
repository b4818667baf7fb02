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

// as delivers to a project as somebody else than the tenant's owner.
func (t *tester) as(c *apptest.Client, p tenant.ProjectID, file string, more map[string]any) delivery.Delivery {
	x := *t
	x.home = &apptest.Home{Client: c, Tenant: t.home.Tenant, Project: p}
	return x.aim(file, more)
}

// Whoever is limited to projects replaces nothing of others, whatever source or accounts they name, and is told the same whatever it is.
func TestLimitedMembersTakeNothingFromOthers(t *testing.T) {
	x := newTester(t)
	mine, hidden := x.second("mine"), x.home.Project
	x.aim(lines(20, "secret", "10.5"), map[string]any{"source": "billing"})
	x.aim(header+strings.ReplaceAll(line("other", 1, "3", ""), "pay", "payer"), map[string]any{"source": ""})
	key, _ := x.home.Key(t, tenant.Editor, mine)
	clients := map[string]*apptest.Client{"member": x.app.Join(t, x.home.Tenant, "eve", tenant.Editor, mine), "key": key}
	before := x.ask(february + "&groupBy=project").by("project")
	require.Equal(t, map[string]string{string(hidden): "213"}, before)
	said := map[string]bool{}
	for name, c := range map[string]struct {
		file string
		more map[string]any
	}{
		"by its source":                 {header + line("x", 1, "0", ""), map[string]any{"source": "billing", "allowShrink": true}},
		"by its source, with few lines": {header + line("x", 1, "0", ""), map[string]any{"source": "billing"}},
		"by its default source":         {header + strings.ReplaceAll(line("x", 1, "0", ""), "pay", "payer"), map[string]any{"source": string(hidden), "allowShrink": true}},
		"by its account":                {header + line("secret", 1, "0", ""), map[string]any{"source": ""}},
		"by its account, among others":  {lines(30, "x", "1") + line("secret", 1, "0", ""), map[string]any{"source": "s"}},
	} {
		for who, client := range clients {
			t.Run(name+" as a "+who, func(t *testing.T) {
				d := x.as(client, mine, c.file, c.more)
				require.Equal(t, delivery.Failed, d.Status)
				require.Contains(t, d.Error, "limited")
				require.Empty(t, d.Problems)
				said[d.Error] = true
				require.Equal(t, before, x.ask(february+"&groupBy=project").by("project"))
			})
		}
	}
	require.Len(t, said, 1)
	t.Run("and deliver what is their own, again too", func(t *testing.T) {
		own := strings.ReplaceAll(lines(3, "own", "1"), "pay", "own-payer")
		for _, amount := range []string{"1", "2"} {
			d := x.as(key, mine, strings.ReplaceAll(own, "1,1,1,1,", amount+","+amount+","+amount+","+amount+","), map[string]any{"source": "own"})
			require.Equal(t, delivery.Succeeded, d.Status, d.Error)
			require.NotNil(t, d.Result.Periods[0].Before)
		}
		require.Equal(t, "219", x.ask(february).Total)
	})
	t.Run("and that is read again", func(t *testing.T) {
		x.home.Do(t, "PUT", x.home.Path("/tag-keys"), map[string]any{"keys": []string{"team"}}).Is(t, 200)
		x.app.Work(t)
		require.Equal(t, "219", x.ask(february+"&groupBy=tag:team").Total)
	})
}

// A delivery of somebody who sees all tells those who do not nothing of what they do not see.
func TestLimitedMembersAreToldNothingOfOthers(t *testing.T) {
	x := newTester(t)
	mine, hidden := x.second("mine"), x.home.Project
	x.aim(lines(20, "a", "10.5"), map[string]any{"source": "billing"})
	x.aim(header+strings.ReplaceAll(line("b", 1, "3", ""), "pay", "payer"), map[string]any{"source": "mystery"})
	refused := x.as(x.home.Client, mine, lines(3, "a", "1"), map[string]any{"source": "billing"})
	taken := x.as(x.home.Client, mine, lines(3, "a", "1"), map[string]any{"source": "billing", "allowShrink": true})
	shadowing := x.as(x.home.Client, mine, header+strings.ReplaceAll(line("b", 1, "4", ""), "pay", "payer"), map[string]any{"source": "s"})
	require.Contains(t, refused.Problems[0].Message, "would replace 20")
	require.Equal(t, "210", taken.Result.Periods[0].Before.Totals[0].BilledCost)
	require.Equal(t, []tenant.ProjectID{hidden}, taken.Result.Periods[0].TakenFrom)
	require.Equal(t, []string{"upload:mystery"}, shadowing.Result.Periods[0].Shadows)
	eve := x.app.Join(t, x.home.Tenant, "eve", tenant.Viewer, mine)
	both := x.app.Join(t, x.home.Tenant, "both", tenant.Viewer, mine, hidden)
	for _, d := range []delivery.Delivery{refused, taken, shadowing} {
		for _, path := range []string{"/imports", "/imports/" + string(d.ID), "/projects/" + string(mine) + "/imports", "/projects/" + string(mine) + "/imports/" + string(d.ID)} {
			got := string(eve.Get(t, x.home.Path(path)).Is(t, 200).Body)
			for _, secret := range []string{"20", "210", string(hidden), "mystery"} {
				require.NotRegexp(t, `[^\d\w-]`+secret+`[^\d\w-]`, got, path)
			}
			require.Contains(t, got, string(d.ID))
		}
		path := x.home.Path("/imports/" + string(d.ID))
		require.Equal(t, string(x.home.Get(t, path).Body), string(both.Get(t, path).Body), "who sees all that it concerns is told all")
	}
	var shown delivery.Delivery
	eve.Get(t, x.home.Path("/imports/"+string(taken.ID))).Into(t, &shown)
	require.Equal(t, taken.Result.Periods[0].After, shown.Result.Periods[0].After)
	require.Nil(t, shown.Result.Periods[0].Before)
}

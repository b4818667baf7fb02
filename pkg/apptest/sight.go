package apptest

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Sight makes sightings what was seen of an account of a tenant, as a run of collection does: nothing else is there.
func (a *App) Sight(t testing.TB, id tenant.ID, account string, found ...resource.Sighting) {
	scope, err := organization.Work(t.Context(), a.Store, id, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, resource.Keeper{Clock: a.Now, Random: rand.Reader}.All(t.Context(), h, account, found))
}

// Measure makes readings visible, as a run of collection does.
func (a *App) Measure(t testing.TB, id tenant.ID, account string, read ...metric.Reading) {
	scope, err := organization.Work(t.Context(), a.Store, id, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, metric.Keeper{Clock: a.Now, Random: rand.Reader}.All(t.Context(), h, account, calendar.DayOf(a.Now()), read))
}

// collect gives a home's project resources of an account, with a mark in every text, and the ID of one.
func (a *App) collect(t testing.TB, h *Home, account, mark string) tenant.ResourceID {
	h.Do(t, "PATCH", h.Path("/projects/"+string(h.Project)), map[string]any{"accountIds": []string{account}}).Is(t, 200)
	arn := "arn:aws:s3:::" + mark
	var found []resource.Sighting
	for _, n := range []string{"", "-2"} {
		found = append(found, resource.Sighting{ARN: arn + n, Region: mark + "-region", Name: mark + n, State: mark, Class: mark, Tags: map[string]string{mark: mark}})
	}
	a.Sight(t, h.Tenant, account, found...)
	return tenant.ResourceIDOf(h.Tenant, arn)
}

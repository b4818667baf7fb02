package apptest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Key makes an API key of the tenant, limited to projects where some are given, and gives its client and ID.
func (h *Home) Key(t testing.TB, role tenant.Role, projects ...tenant.ProjectID) (*Client, tenant.KeyID) {
	body := map[string]any{"name": "a key", "role": role}
	if projects != nil {
		body["projects"] = projects
	}
	var made struct {
		ID  tenant.KeyID `json:"id"`
		Key string       `json:"key"`
	}
	h.Do(t, "POST", h.Path("/api-keys"), body).Is(t, 201).Into(t, &made)
	return h.app.With(made.Key), made.ID
}

// BadKeys gives API keys that do not hold, by what is wrong with them; some were the tenant's.
func (h *Home) BadKeys(t testing.TB) map[string]string {
	revoked, id := h.Key(t, tenant.Admin)
	h.Do(t, "DELETE", h.Path("/api-keys/"+string(id)), nil).Is(t, 204)
	unknown, err := identity.NewSecret(rand.Reader)
	require.NoError(t, err)
	expired, err := identity.NewSecret(rand.Reader)
	require.NoError(t, err)
	id, err = tenant.NewKeyID(h.app.Now(), rand.Reader)
	require.NoError(t, err)
	end := h.app.Now().Add(-time.Second)
	k := identity.APIKey{ID: id, Tenant: h.Tenant, Role: tenant.Admin, ValidUntil: &end}
	require.NoError(t, h.app.Store.Directory().Write(t.Context(), store.DirectoryChange{Key: store.APIKey(expired.Sum()), Value: k}))
	text := unknown.Text()
	return map[string]string{
		"a revoked key":                      revoked.Token,
		"an expired key":                     expired.Text(),
		"a key that never was":               text,
		"a key with another checksum":        text[:len(text)-1] + string(text[len(text)-1]^1),
		"the beginning of a key":             text[:20],
		"the prefix of keys":                 identity.SecretPrefix,
		"a key that goes on":                 text + "a",
		"the ID of a key":                    identity.SecretPrefix + string(id),
		"the prefix of keys and odd letters": identity.SecretPrefix + "\u00e9%00",
	}
}

package erasure_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// opening does something, once, when a file is opened.
type opening struct {
	delivery.Files
	do func()
}

func (o *opening) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	f, err := o.Files.Open(ctx, s, name)
	if do := o.do; do != nil {
		o.do = nil
		do()
	}
	return f, err
}

// A worker that has opened a file sleeps while the tenant ends and is erased, and goes on; an address for an upload is used after
// that. Neither brings anything back.
func TestWhoComesLateBringsNothingBack(t *testing.T) {
	on(t, func(t *testing.T, a *apptest.App) {
		deletes := func() { a.Alice.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil).Is(t, 202) }
		fill(t, a, a.Alice)
		address := announced(t, a.Alice)
		require.Less(t, upload(t, a, announced(t, a.Alice), costs()), 300)
		var others map[string]string
		a.Deliveries.Files = &opening{a.Deliveries.Files, func() {
			deletes()
			require.Equal(t, 403, upload(t, a, address, costs()), "an address is worth nothing while the tenant rests")
			_, others = about(t, a, a.Alice.Tenant)
			a.Advance(apptest.Grace)
			erase(t, a)
			requireErased(t, a, others)
		}}
		a.WorkLate()
		require.NotNil(t, others, "the worker was in the middle of it")
		require.Equal(t, 403, upload(t, a, address, costs()))
		requireErased(t, a, others)
	})
}

// held is a request whose body comes in two halves.
type held struct {
	body   *io.PipeWriter
	rest   string
	status chan int
}

// hold sends the first half, and gives the server the time to authorize it.
func hold(t *testing.T, a *apptest.App, c *apptest.Client, method, path, body string) *held {
	r, w := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, r)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+c.Token)
	request.Header.Set("Content-Type", "application/json")
	h := &held{w, body[5:], make(chan int, 1)}
	go func() {
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			h.status <- 0
			return
		}
		answer.Body.Close()
		h.status <- answer.StatusCode
	}()
	_, err = io.Copy(w, strings.NewReader(body[:5]))
	require.NoError(t, err)
	time.Sleep(50 * time.Millisecond)
	return h
}

func (h *held) end() int {
	_, _ = io.WriteString(h.body, h.rest)
	h.body.Close()
	return <-h.status
}

// Requests are authorized and their bodies come after all is erased and proven, or after the member was removed.
func TestRequestsThatAreHeldBringNothingBack(t *testing.T) {
	on(t, func(t *testing.T, a *apptest.App) {
		h := a.Alice
		eddy := a.Join(t, h.Tenant, "eddy", tenant.Editor)
		before := hold(t, a, eddy, "POST", h.Path("/projects"), `{"name":"late","environment":"test"}`)
		requests := []*held{
			hold(t, a, h.Client, "POST", h.Path("/projects"), `{"name":"ghost","environment":"test"}`),
			hold(t, a, h.Client, "PUT", h.Path("/tag-keys"), `{"keys":["ghost"]}`),
			hold(t, a, h.Client, "POST", h.Path("/imports"), `{"format":"csv","files":[{"sizeBytes":5}]}`),
			hold(t, a, h.Client, "POST", h.Path("/api-keys"), `{"name":"ghost","role":"admin"}`),
			hold(t, a, h.Client, "POST", h.Path("/invitations"), `{"role":"viewer"}`),
			hold(t, a, h.Client, "PATCH", h.Path(""), `{"name":"ghost"}`),
		}
		h.Do(t, "DELETE", h.Path("/members/"+string(tenant.MemberIDOf(h.Tenant, a.URL, "eddy"))), nil).Is(t, 204)
		a.Advance(time.Minute)
		require.Equal(t, 404, before.end(), "who was removed a minute ago")
		h.Do(t, "DELETE", h.Path("?name=alice%27s"), nil).Is(t, 202)
		_, others := about(t, a, h.Tenant)
		a.Advance(apptest.Grace)
		erase(t, a)
		for _, r := range requests {
			require.Contains(t, []int{401, 404}, r.end())
		}
		requireErased(t, a, others)
	})
}

// People who were members once have had requests remembered that name the tenant: one who founded it, one who came by an invitation,
// and what an admin asked for.
func TestFormerMembersLeaveNothing(t *testing.T) {
	on(t, func(t *testing.T, a *apptest.App) {
		founder := a.As(t, "founder")
		var made struct{ ID string }
		founder.Do(t, "POST", "/v1/tenants", body{"name": "F"}, "Idempotency-Key: f").Is(t, 201).Into(t, &made)
		h := &apptest.Home{Client: founder, Tenant: tenant.ID(made.ID)}
		var invitation struct{ Token string }
		founder.Do(t, "POST", h.Path("/invitations"), body{"role": "owner"}, "Idempotency-Key: i").Is(t, 201).Into(t, &invitation)
		carol := a.As(t, "carol")
		carol.Do(t, "POST", "/v1/invitations/accept", body{"token": invitation.Token}, "Idempotency-Key: c").Is(t, 201)
		heir := a.Join(t, h.Tenant, "heir", tenant.Owner)
		carol.Do(t, "POST", h.Path("/api-keys"), body{"name": "k", "role": "viewer"}, "Idempotency-Key: k").Is(t, 201)
		carol.Do(t, "POST", h.Path("/leave"), nil).Is(t, 204)
		founder.Do(t, "POST", h.Path("/leave"), nil).Is(t, 204)
		heir.Do(t, "DELETE", h.Path("?name=F"), nil).Is(t, 202)
		a.Advance(apptest.Grace)
		erase(t, a)
		left, _ := about(t, a, h.Tenant)
		for name := range left {
			require.Contains(t, name, "ERASED#", "nothing is left but the proof")
		}
	})
}

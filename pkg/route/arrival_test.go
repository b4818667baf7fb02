package route_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// turnstile lets callers in until it is shut.
type turnstile struct {
	door
	shut atomic.Bool
}

func (d *turnstile) Principal(ctx context.Context, authorization string) (tenant.Principal, error) {
	if d.shut.Load() {
		return tenant.Principal{}, fault.New(fault.Unauthenticated, "not any more")
	}
	return d.door.Principal(ctx, authorization)
}

func (d *turnstile) Scope(ctx context.Context, authorization, id string, need tenant.Permission) (*tenant.Scope, error) {
	if d.shut.Load() {
		return nil, fault.New(fault.NotFound, "no such tenant")
	}
	return d.door.Scope(ctx, authorization, id, need)
}

// arrival is a server, a request to which is sent in two halves.
type arrival struct {
	url    string
	door   turnstile
	passed atomic.Int64 // of its clock, beside the real time
	booked atomic.Int64 // what Used was told of bytes that came in
	told   atomic.Int64 // how often the tenant's books were told anything
}

func arrive(t *testing.T, body, within time.Duration, ops ...route.Operation) *arrival {
	a := &arrival{}
	h, err := route.Handler(append((&shop{}).operations(), ops...), &a.door, route.Options{
		Log: slog.New(slog.DiscardHandler), Body: body, Within: within,
		Clock:    func() time.Time { return time.Now().Add(time.Duration(a.passed.Load())) },
		Admit:    func(context.Context, *tenant.Scope, bool) (route.Rate, error) { return route.Rate{}, nil },
		Used:     func(_ context.Context, _ *tenant.Scope, u route.Usage) { a.told.Add(1); a.booked.Store(u.BytesIn) },
		Answered: func(context.Context, *tenant.Scope) { a.told.Add(1) },
	})
	require.NoError(t, err)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	a.url = s.Listener.Addr().String()
	return a
}

// half sends the head of a POST and a part of its body, and gives the connection.
func (a *arrival) half(t *testing.T, path, authorization, body string, sent int) net.Conn {
	c, err := net.Dial("tcp", a.url)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s",
		path, authorization, len(body), body[:sent])
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Second)))
	return c
}

func answer(t *testing.T, c net.Conn) int {
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, r.Body)
	require.NoError(t, err)
	return r.StatusCode
}

const aThing = `{"name":"a"}`

func TestBodiesThatAreLongInComing(t *testing.T) {
	t.Run("who was removed meanwhile is refused, and nothing is told to the tenant's books", func(t *testing.T) {
		a := arrive(t, 0, 0)
		c := a.half(t, things, "Bearer editor", aThing, 5)
		time.Sleep(100 * time.Millisecond) // the request is authorized
		a.door.shut.Store(true)
		a.passed.Store(int64(3 * time.Hour))
		fmt.Fprint(c, aThing[5:])
		require.Equal(t, 404, answer(t, c))
		require.Zero(t, a.told.Load())
	})
	t.Run("who is still a member is served", func(t *testing.T) {
		a := arrive(t, 0, 0)
		c := a.half(t, things, "Bearer editor", aThing, 5)
		time.Sleep(100 * time.Millisecond)
		a.passed.Store(int64(time.Minute))
		fmt.Fprint(c, aThing[5:])
		require.Equal(t, 201, answer(t, c))
		require.EqualValues(t, len(aThing), a.booked.Load())
	})
	t.Run("one that does not come is not waited for", func(t *testing.T) {
		a := arrive(t, 300*time.Millisecond, 0)
		c := a.half(t, things, "Bearer editor", aThing, 5)
		require.Equal(t, 400, answer(t, c))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "the connection is closed")
	})
	t.Run("a stranger is answered at once, and not kept", func(t *testing.T) {
		a := arrive(t, 300*time.Millisecond, 0)
		c := a.half(t, things, "", aThing, 1)
		require.Equal(t, 401, answer(t, c))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "the connection is closed")
	})
	t.Run("the handler outlives the body's time", func(t *testing.T) {
		type in struct{ Body thing }
		slow := route.ForTenant(route.Spec{ID: "slow", Method: "POST", Path: "/v1/tenants/{tenantId}/things/slow", Permission: tenant.WriteProject, Reach: route.Within, Function: route.API,
			Summary: "Slow", Tag: "Things", Status: 201, Example: in{Body: thing{Name: "a"}}},
			func(ctx context.Context, _ *tenant.Scope, in *in) (*thingOut, error) {
				time.Sleep(400 * time.Millisecond)
				return &thingOut{Body: in.Body}, ctx.Err()
			})
		c := arrive(t, 200*time.Millisecond, 0, slow).half(t, things+"/slow", "Bearer editor", aThing, len(aThing))
		require.Equal(t, 201, answer(t, c))
		c = arrive(t, 0, 100*time.Millisecond, slow).half(t, things+"/slow", "Bearer editor", aThing, len(aThing))
		require.Equal(t, 503, answer(t, c), "and not its own")
	})
	t.Run("bytes count that came in chunks", func(t *testing.T) {
		a := arrive(t, 0, 0)
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+a.url+things, io.MultiReader(strings.NewReader(aThing)))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer editor")
		r.Header.Set("Content-Type", "application/json")
		require.EqualValues(t, 0, r.ContentLength, "it is not known")
		got, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, got.Body.Close())
		require.Equal(t, 201, got.StatusCode)
		require.EqualValues(t, len(aThing), a.booked.Load())
	})
}

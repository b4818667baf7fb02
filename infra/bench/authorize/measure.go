package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/tenantry/tenantry/infra/bench/bed"
	"github.com/tenantry/tenantry/pkg/apikey"
	"github.com/tenantry/tenantry/pkg/limit"
	"github.com/tenantry/tenantry/pkg/route"
	ids "github.com/tenantry/tenantry/pkg/tenant"
)

// The aims, CPU time of one request.
const (
	aimKey   = 150 * time.Microsecond
	aimToken = 300 * time.Microsecond
)

// plan is how much is measured.
type plan struct {
	turns    int // of which the median counts
	warm     int // authorizations in a turn
	requests int // whole ones in a turn
	first    int // tokens in a turn
}

// door is a tenant with an operation that does nothing, and who comes to it.
type door struct {
	*bed.Platform
	tenant     string
	key, token string // Authorization headers
	whole      http.Handler
}

// knock makes a tenant and an API key of it.
func knock(ctx context.Context, b *bed.Platform) (*door, error) {
	at, _, err := b.Tenant(ctx, []string{}, nil)
	if err != nil {
		return nil, err
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := b.Call(ctx, "POST", at+"/api-keys", map[string]string{"name": "bench", "role": "viewer"}, &made); err != nil {
		return nil, err
	}
	token, err := b.Issuer.Token(bed.Owner, "")
	if err != nil {
		return nil, err
	}
	d := &door{Platform: b, tenant: path.Base(at), key: "Bearer " + made.Key, token: "Bearer " + token}
	none := func(context.Context, *ids.Scope, *struct{}) (*struct{}, error) { return &struct{}{}, nil }
	ops := []route.Operation{route.ForTenant(route.Spec{ID: "nothing", Method: "GET", Path: "/v1/tenants/{tenantId}/nothing",
		Permission: ids.ReadCost, Reach: route.Within, Function: route.API, Summary: "Nothing", Tag: "Bench", Example: struct{}{}}, none)}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	d.whole, err = route.Handler(ops, limit.NewGuard(b.Auth, time.Now, limit.Bounds{}), route.Options{
		Log: log, Answered: apikey.NewUses(b.Store, time.Now, log).Note})
	return d, err
}

// measure prints each figure against its aim.
func (d *door) measure(ctx context.Context, out io.Writer, p plan) error {
	var missed []error
	for _, by := range []struct {
		name, header string
		aim          time.Duration
	}{{"API key", d.key, aimKey}, {"token", d.token, aimToken}} {
		for _, m := range []struct {
			what string
			n    int
			do   func() error
		}{
			{"authorization by a known " + by.name, p.warm, func() error { return d.authorize(ctx, by.header) }},
			{"a whole request that does nothing, by a known " + by.name, p.requests, func() error { return d.request(ctx, by.header) }},
		} {
			cpu, err := d.warm(p.turns, m.n, m.do)
			if err != nil {
				return fmt.Errorf("%s: %w", m.what, err)
			}
			missed = append(missed, figure(out, m.what, cpu, by.aim))
		}
	}
	cpu, err := d.first(ctx, p)
	if err != nil {
		return err
	}
	missed = append(missed, figure(out, "authorization by a token that is seen for the first time", cpu, aimToken))
	return errors.Join(missed...)
}

// figure prints one, and is an error where it is over its aim.
func figure(out io.Writer, what string, cpu, aim time.Duration) error {
	fmt.Fprintf(out, "%-62s %s of CPU (aim %s)\n", what+":", milliseconds(cpu), milliseconds(aim))
	if cpu > aim {
		return fmt.Errorf("%s takes %s, over the aim of %s", what, milliseconds(cpu), milliseconds(aim))
	}
	return nil
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d.%04d ms", d/time.Millisecond, d%time.Millisecond/(100*time.Nanosecond))
}

// warm gives the CPU time of what is done again and again, which asks neither the issuer nor the store.
func (d *door) warm(turns, n int, do func() error) (time.Duration, error) {
	return median(turns, func() (time.Duration, error) {
		if err := do(); err != nil { // what is believed for a minute is so from now
			return 0, err
		}
		asked := d.Asked()
		d.Reads()
		cpu, err := each(n, func(int) error { return do() })
		if err != nil {
			return 0, err
		}
		if reads := d.Reads(); d.Asked() != asked || len(reads) > 0 {
			return 0, fmt.Errorf("%d calls to the issuer and these reads of the store: %v", d.Asked()-asked, reads)
		}
		return cpu, nil
	})
}

// first gives the CPU time of authorization by tokens that are seen for the first time, with the issuer's keys at hand.
func (d *door) first(ctx context.Context, p plan) (time.Duration, error) {
	return median(p.turns, func() (time.Duration, error) {
		tokens := make([]string, p.first)
		for i := range tokens {
			token, err := d.Issuer.Token(bed.Owner, "")
			if err != nil {
				return 0, err
			}
			tokens[i] = "Bearer " + token
		}
		if err := d.authorize(ctx, tokens[0]); err != nil {
			return 0, err
		}
		return each(p.first-1, func(i int) error { return d.authorize(ctx, tokens[i+1]) })
	})
}

func (d *door) authorize(ctx context.Context, header string) error {
	_, err := d.Auth.Scope(ctx, header, d.tenant, ids.ReadCost)
	return err
}

func (d *door) request(ctx context.Context, header string) error {
	r := httptest.NewRequestWithContext(ctx, "GET", "/v1/tenants/"+d.tenant+"/nothing", nil)
	r.Header.Set("Authorization", header)
	w := httptest.NewRecorder()
	d.whole.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		return fmt.Errorf("it is answered with %d: %s", w.Code, w.Body)
	}
	return nil
}

// each gives the CPU time, of the process, that one of n takes on average.
func each(n int, do func(i int) error) (time.Duration, error) {
	began, err := used()
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := do(i); err != nil {
			return 0, err
		}
	}
	ended, err := used()
	return (ended - began) / time.Duration(n), err
}

func median(turns int, measure func() (time.Duration, error)) (time.Duration, error) {
	all := make([]time.Duration, turns)
	for i := range all {
		var err error
		if all[i], err = measure(); err != nil {
			return 0, err
		}
	}
	slices.Sort(all)
	return all[turns/2], nil
}

// used is the CPU time of the process, user and system.
func used() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

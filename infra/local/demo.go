package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// demo fills two demo tenants where the store was new, beside the first answers. A fill that a kill ends goes on with the
// next start.
func (p *platform) demo(ctx context.Context) {
	if _, err := os.Stat(p.path(demoFile)); errors.Is(err, fs.ErrNotExist) || p.config.Demo == "off" {
		return
	}
	err := demo.Fill(ctx, demo.Target{URL: p.url(), Token: p.issuer.Token, Client: &http.Client{Transport: p.self()}, Now: time.Now(),
		Collected: p.collected})
	if err != nil {
		if ctx.Err() == nil {
			p.log.ErrorContext(ctx, "demo tenants could not be filled; the next start tries again", "error", err)
		}
		return
	}
	if err := os.Remove(p.path(demoFile)); err != nil {
		p.log.ErrorContext(ctx, "demo tenants are filled, which cannot be noted", "error", err)
		return
	}
	p.log.InfoContext(ctx, "demo tenants are filled")
}

// collected keeps resources and their metrics as if they had been collected: the accounts of a demo are nobody's.
func (p *platform) collected(ctx context.Context, id, account string, found []resource.Sighting) error {
	scope, err := organization.Work(ctx, p.store, tenant.ID(id), "demo")
	if err != nil {
		return err
	}
	h, err := p.store.Tenant(scope)
	if err != nil {
		return err
	}
	if err := (resource.Keeper{Clock: time.Now, Random: rand.Reader}).All(ctx, h, account, found); err != nil {
		return err
	}
	today := calendar.DayOf(time.Now())
	return metric.Keeper{Clock: time.Now, Random: rand.Reader}.All(ctx, h, account, today, demo.Metrics(found, today))
}

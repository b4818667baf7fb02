package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/tenantry/tenantry/pkg/demo"
)

// demo fills two demo tenants where the store was new, beside the first answers. A fill that a kill ends goes on with the
// next start.
func (p *platform) demo(ctx context.Context) {
	if _, err := os.Stat(p.path(demoFile)); errors.Is(err, fs.ErrNotExist) || p.config.Demo == "off" {
		return
	}
	err := demo.Fill(ctx, demo.Target{URL: p.url(), Token: p.issuer.Token, Client: &http.Client{Transport: p.self()}, Now: time.Now()})
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

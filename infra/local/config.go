package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Config of the platform on one machine.
type Config struct {
	Addr  string        // TENANTRY_ADDR, host:port to listen at; 127.0.0.1:8080 where absent
	Data  string        // TENANTRY_DATA, the folder of everything that is kept; .tenantry where absent
	Log   string        // TENANTRY_LOG, how lines are logged to standard error: json (where absent) or text
	Demo  string        // TENANTRY_DEMO, whether an empty store is filled with two tenants: on (where absent) or off
	Grace time.Duration // TENANTRY_GRACE, of tenants that are deleted, until they are erased: 1s to 2160h; 168h where absent
	Trust string        // TENANTRY_PRINCIPAL_ARN, whom customers' roles trust: who this machine calls AWS as; without it accounts are connected by profiles alone
	Plan  string        // TENANTRY_PLAN, of new tenants: free, team or enterprise (where absent)
}

// ReadConfig reads the environment and puts the defaults in.
func ReadConfig(getenv func(string) string) Config {
	or := func(name, absent string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return absent
	}
	grace, _ := time.ParseDuration(or("TENANTRY_GRACE", "168h")) // 0 is refused
	return Config{
		Grace: grace, Trust: or("TENANTRY_PRINCIPAL_ARN", ""),
		Addr: or("TENANTRY_ADDR", "127.0.0.1:8080"), Data: or("TENANTRY_DATA", ".tenantry"),
		Log: or("TENANTRY_LOG", "json"), Demo: or("TENANTRY_DEMO", "on"), Plan: or("TENANTRY_PLAN", string(tenant.Enterprise)),
	}
}

// Validate names every variable that is not of its form.
func (c Config) Validate() error {
	var errs []error
	_, port, err := net.SplitHostPort(c.Addr)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 {
		errs = append(errs, fmt.Errorf("TENANTRY_ADDR is %q: it must be host:port, as 127.0.0.1:8080", c.Addr))
	}
	if c.Log != "text" && c.Log != "json" {
		errs = append(errs, fmt.Errorf("TENANTRY_LOG is %q: it must be text or json", c.Log))
	}
	if c.Demo != "on" && c.Demo != "off" {
		errs = append(errs, fmt.Errorf("TENANTRY_DEMO is %q: it must be on or off", c.Demo))
	}
	if c.Grace < time.Second || c.Grace > 2160*time.Hour {
		errs = append(errs, errors.New("TENANTRY_GRACE must be a duration between 1s and 2160h, as 168h"))
	}
	if c.Trust != "" && !connection.IsPrincipal(c.Trust) && !connection.IsUser(c.Trust) {
		errs = append(errs, fmt.Errorf("TENANTRY_PRINCIPAL_ARN is %q: it must be the ARN of a user or a role of IAM, or arn:aws:iam::<account>:root. "+
			"Of a session, as arn:aws:sts::<account>:assumed-role/<role>/<session>, give the role's: `aws iam get-role --role-name <role>` shows it", c.Trust))
	}
	if _, err := tenant.ParsePlan(c.Plan); err != nil {
		errs = append(errs, fmt.Errorf("TENANTRY_PLAN is %q: %w", c.Plan, err))
	}
	return errors.Join(errs...)
}

// logger writes lines as the configuration says.
func (c Config) logger(w io.Writer) *slog.Logger {
	if c.Log == "json" {
		return slog.New(observe.JSON(w))
	}
	return slog.New(observe.Text(w))
}

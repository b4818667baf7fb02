package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
)

const planPath = "/dev/plan"

// operator gives a tenant another plan: POST with the form values tenantId and plan, and by and reason where they are to be told.
func operator(set func(context.Context, organization.PlanChange) (organization.Organization, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !route.Takes(w, r, http.MethodPost) {
			return
		}
		if r.Header.Get("Origin") != "" {
			route.Fail(w, fault.New(fault.Forbidden, "Web pages may not change plans. Send the form with curl."))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		if err := r.ParseForm(); err != nil {
			route.Fail(w, fault.Wrap(err, fault.Malformed, "The form cannot be read."))
			return
		}
		or := func(name, absent string) string {
			if v := r.PostForm.Get(name); v != "" {
				return v
			}
			return absent
		}
		o, err := set(r.Context(), organization.PlanChange{TenantID: r.PostForm.Get("tenantId"), Plan: r.PostForm.Get("plan"),
			By: or("by", "whoever is at this machine"), Reason: or("reason", "none was given")})
		if err != nil {
			route.Fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(o)
	})
}

package main

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/blob/folder"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

// front leads requests to who answers them. Unlike http.ServeMux it redirects nothing: what the cloud answers with 404 is
// 404 here.
type front struct {
	api, issuer        http.Handler
	uploads, downloads http.Handler
	plan               http.Handler // the operator's
	openAPI, docs      http.Handler
	loopback           bool // only this machine can connect
}

// arrival is how long is waited for a request's body, of which what is left unread is read too.
const arrival = 20 * time.Second

// ServeHTTP answers a request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.loopback && !local(r.Host) {
		// A web page that has its own name resolve to this machine could otherwise read what is here.
		route.Fail(w, fault.New(fault.Forbidden, "This server answers to localhost and 127.0.0.1. Set TENANTRY_ADDR to an address of the network to use names."))
		return
	}
	if r.ContentLength != 0 { // uploads and the API have times of their own
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(arrival))
	}
	switch p := r.URL.Path; {
	case p == "/":
		http.Redirect(w, r, "/docs", http.StatusFound)
	case p == "/docs":
		f.docs.ServeHTTP(w, r)
	case p == "/v1/openapi.json":
		f.openAPI.ServeHTTP(w, r)
	case strings.HasPrefix(p, folder.Path):
		f.uploads.ServeHTTP(w, r)
	case strings.HasPrefix(p, folder.DownloadPath):
		f.downloads.ServeHTTP(w, r)
	case p == planPath:
		f.plan.ServeHTTP(w, r)
	case strings.HasPrefix(p, "/dev/"), strings.HasPrefix(p, "/.well-known/"):
		f.issuer.ServeHTTP(w, r)
	default:
		f.api.ServeHTTP(w, r)
	}
}

// local tells whether a Host header names this machine by an address or as localhost.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}

// page gives a handler of GET that answers with bytes that never change.
func page(contentType, policy string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !route.Takes(w, r, http.MethodGet, http.MethodHead) {
			return
		}
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body)
	})
}

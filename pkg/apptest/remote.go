package apptest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/store"
)

// Remote is a platform that runs elsewhere, by a clock of its own.
type Remote struct {
	URL    string
	Issuer *localissuer.Issuer // of the tokens that it takes
	Engine Engine              // of the same tables, past the platform
	Files  func(testing.TB) map[string]string
	Work   func(testing.TB) // waits until all is done that was asked for
	Settle func()           // has the platform write what it has not written yet
	Client *http.Client
	Log    *Log // of all its processes
}

// Over gives an App by which a remote platform is asked and looked at. What needs the server's own clock, faults or wiring is not there.
func Over(r Remote) *App {
	return &App{URL: r.URL, Store: store.New(r.Engine), Issuer: r.Issuer, Log: r.Log, engine: r.Engine, remote: &r}
}

// at gives the address of an upload, which is below the server's where it has no host.
func (a *App) at(address string) string {
	if strings.HasPrefix(address, "/") {
		return a.URL + address
	}
	return address
}

// client is what requests are sent by.
func (a *App) client() *http.Client {
	if a.remote != nil && a.remote.Client != nil {
		return a.remote.Client
	}
	return http.DefaultClient
}

// settle has a remote platform write what it has not written.
func (a *App) settle() {
	if a.remote != nil {
		a.remote.Settle()
	}
}

// pass lets time pass at a remote platform; false where the server's clock is to be moved.
func (a *App) pass(d time.Duration) bool {
	if a.remote != nil {
		time.Sleep(d)
	}
	return a.remote != nil
}

// work has a remote platform do what it was asked for; false where the server's workers are to.
func (a *App) work(t testing.TB) bool {
	if a.remote != nil {
		a.remote.Work(t)
	}
	return a.remote != nil
}

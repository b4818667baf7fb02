// Package audit keeps a tenant's audit log: a row for every change of its state, written in the transaction that makes the
// change, and for every access to it that a member was refused. Rows are added and never changed; they end with the
// retention of the tenant's plan, and with the tenant.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Row is one entry of the log. JSON is both its wire form and its stored form.
type Row struct {
	ID         string            `json:"id" doc:"A ULID: the time in milliseconds and 80 random bits."`
	At         time.Time         `json:"at"`
	Actor      Actor             `json:"actor"`
	Credential tenant.Credential `json:"credential" enum:"token,api-key,platform" doc:"What the actor was known by."`
	Operation  string            `json:"operation" doc:"The operationId of the request, or the name of the platform's own work."`
	Target     string            `json:"target,omitempty" doc:"What was changed, as kind/ID."`
	Outcome    Outcome           `json:"outcome" enum:"done,refused,failed"`
	Reason     string            `json:"reason,omitempty" doc:"Why it was refused or failed."`
	RequestID  string            `json:"requestId,omitempty" doc:"As in X-Request-Id."`
	Source     string            `json:"source,omitempty" doc:"The network address that the request came from."`
	Changes    []Field           `json:"changes,omitempty" doc:"The fields that were changed, by name."`
}

// Actor is who did it.
type Actor struct {
	Issuer  string `json:"issuer,omitempty" doc:"Of a person's tokens; api-key for an API key, absent for the platform."`
	Subject string `json:"subject" doc:"The token's subject, the ID of the API key, or the worker's name."`
	Email   string `json:"email,omitempty"`
}

// Outcome says what came of it.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
	Failed  Outcome = "failed"
)

// Field is a field before and after, as JSON of at most 500 bytes each; "" where it was or is absent.
type Field struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Event is what happens to a target. Before and After are the entity as it is shown to members, nil where there was or is
// none: a secret has no place in either.
type Event struct {
	Target        string // kind/ID, as "project/prj_..."
	Before, After any
	Operation     string  // of a worker; of a request its own where ""
	Outcome       Outcome // Done where ""
	Reason        string
}

// Log makes rows. Both fields are needed.
type Log struct {
	Clock  func() time.Time
	Random io.Reader
}

// Row gives the change that adds an event to the log of the scope's tenant: a part of the Write that makes the event. Who, from
// where and in what request come from scope and ctx.
func (l Log) Row(ctx context.Context, scope *tenant.Scope, e Event) (store.Change, error) {
	now := l.Clock().UTC().Truncate(time.Millisecond)
	id, err := ulid.New(ulid.Timestamp(now), l.Random)
	if err != nil {
		return store.Change{}, fmt.Errorf("make a row of the audit log: %w", err)
	}
	p, r := scope.Principal(), route.RequestOf(ctx)
	row := Row{
		ID: id.String(), At: now, Actor: Actor{p.Issuer, p.Subject, p.Email}, Credential: p.Credential(), Operation: r.Operation,
		Target: e.Target, Outcome: e.Outcome, Reason: e.Reason, RequestID: r.ID, Source: r.Source,
	}
	if e.Operation != "" {
		row.Operation = e.Operation
	}
	if row.Outcome == "" {
		row.Outcome = Done
	}
	if row.Changes, err = difference(e.Before, e.After); err != nil {
		return store.Change{}, err
	}
	days := scope.Standing().Plan.Limits().RetentionDays
	return store.Change{Key: store.AuditRow(id), Value: row, Condition: store.Absent, ExpiresAt: now.Add(time.Duration(days) * 24 * time.Hour)}, nil
}

// difference gives the fields of two JSON objects that are not alike, by name.
func difference(before, after any) (all []Field, err error) {
	b, err := fields(before)
	if err != nil {
		return nil, err
	}
	a, err := fields(after)
	if err != nil {
		return nil, err
	}
	names := maps.Clone(b)
	maps.Copy(names, a)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if string(a[name]) != string(b[name]) && name != "updatedAt" {
			all = append(all, Field{name, clip(string(b[name])), clip(string(a[name]))})
		}
	}
	return all, nil
}

func fields(entity any) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if v := reflect.ValueOf(entity); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return all, nil
	}
	b, err := json.Marshal(entity)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("compare for the audit log: %w", err)
	}
	return all, nil
}

const maxField = 500 // bytes

func clip(s string) string {
	if len(s) <= maxField {
		return s
	}
	n := maxField - 3
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

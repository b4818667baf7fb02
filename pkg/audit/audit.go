// Package audit keeps a tenant's audit log: a row for every change of its state, written in the transaction that makes the
// change, and for every access to it that a member was refused. Rows are added and never changed; they end with the
// retention of the tenant's plan, and with the tenant.
package audit

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Row is one entry of the log, as it is shown and as it is stored; only values of fields are stored as the text of their JSON.
type Row struct {
	ID         ulid.ULID         `json:"id" doc:"A ULID: the time in milliseconds and 80 random bits."`
	At         time.Time         `json:"at"`
	Actor      Actor             `json:"actor"`
	Credential tenant.Credential `json:"credential" enum:"token,api-key,platform" doc:"What the actor was known by."`
	Operation  string            `json:"operation" doc:"The operationId of the request, or the name of the platform's own work."`
	Target     string            `json:"target,omitempty" doc:"What was changed or asked for, as kind/ID."`
	Outcome    Outcome           `json:"outcome" enum:"done,refused,failed"`
	Reason     string            `json:"reason,omitempty" doc:"Why it was refused or failed."`
	RequestID  string            `json:"requestId,omitempty" doc:"As in X-Request-Id."`
	Source     string            `json:"source,omitempty" doc:"The network address that the request came from."`
	Changes    []Field           `json:"changes,omitempty" doc:"The fields that were changed, by name."`
	LeftOut    int64             `json:"leftOut,omitempty" doc:"Of a refusal: how many more the same actor had before it that have no row of their own, since there were too many in a minute."`
}

// Actor is who did it.
type Actor struct {
	Issuer  string `json:"issuer,omitempty" doc:"Of a person's tokens; api-key for an API key, absent for the platform."`
	Subject string `json:"subject" doc:"The token's subject, the ID of the API key, or the worker's name."`
	Email   string `json:"email,omitempty"`
}

// ActorOf is the actor that a principal is.
func ActorOf(p tenant.Principal) Actor { return Actor{p.Issuer, p.Subject, clip(p.Email, maxEmail)} }

// Outcome says what came of it.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
	Failed  Outcome = "failed"
)

// Field is a field before and after; absent where it was or is. What is longer than 500 bytes, or less where many fields have
// changed, is cut: all fields of a row have about 4,000 bytes.
type Field struct {
	Name   string `json:"name"`
	Before JSON   `json:"before,omitempty"`
	After  JSON   `json:"after,omitempty"`
}

// Event is what happens to a target. Before and After are the entity as it is shown to members, nil where there was or is
// none: a secret has no place in either.
type Event struct {
	Target        string // kind/ID, as "project/prj_..."
	Before, After any
	Operation     string  // where "", that of the request
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
	row, err := l.row(ctx, scope, e)
	if err != nil {
		return store.Change{}, err
	}
	return row.change(scope), nil
}

func (l Log) row(ctx context.Context, scope *tenant.Scope, e Event) (row Row, err error) {
	now := l.Clock().UTC().Truncate(time.Millisecond)
	id, err := ulid.New(ulid.Timestamp(now), l.Random)
	if err != nil {
		return row, fmt.Errorf("make a row of the audit log: %w", err)
	}
	p, r := scope.Principal(), route.RequestOf(ctx)
	row = Row{
		ID: id, At: now, Actor: ActorOf(p), Credential: p.Credential(), Operation: r.Operation,
		Target: e.Target, Outcome: e.Outcome, Reason: clip(e.Reason, maxReason), RequestID: r.ID, Source: r.Source,
	}
	if e.Operation != "" {
		row.Operation = e.Operation
	}
	if row.Outcome == "" {
		row.Outcome = Done
	}
	row.Changes, err = difference(e.Before, e.After)
	return row, err
}

const (
	maxEmail  = 320 // bytes
	maxReason = 500
)

// change adds the row, on condition that there is none of its ID.
func (r Row) change(scope *tenant.Scope) store.Change {
	days := scope.Standing().Plan.Limits().RetentionDays
	return store.Change{Key: store.AuditRow(r.ID), Value: r, Condition: store.Absent, ExpiresAt: r.At.Add(time.Duration(days) * 24 * time.Hour)}
}

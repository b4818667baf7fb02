// Package collect brings what customers' AWS accounts have to say into the platform: runs, each of one project, one kind of thing and
// one slot of its schedule, done by workers in short steps that may be killed, doubled or late and still do everything once.
//
// What is asked of AWS and what becomes of it is a Collector's, one for each Kind; it is given by whoever wires the platform.
package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Kind is what a run collects.
type Kind string

// The kinds.
const (
	Costs     Kind = "costs"
	Resources Kind = "resources"
	Metrics   Kind = "metrics"
)

// Kinds lists all of them.
var Kinds = []Kind{Costs, Resources, Metrics}

// ParseKind reads a kind's name.
func ParseKind(s string) (Kind, error) {
	if k := Kind(s); slices.Contains(Kinds, k) {
		return k, nil
	}
	return "", fmt.Errorf("kinds are costs, resources and metrics")
}

// Message says that a run is due, or goes on. A schedule's own Input is this JSON with its scheduled time as the slot, which is why
// the same slot is the same run, however often it comes.
type Message struct {
	Kind    Kind             `json:"kind"`
	Tenant  tenant.ID        `json:"tenant"`
	Project tenant.ProjectID `json:"project"`
	Slot    time.Time        `json:"slot"`          // UTC, whole seconds
	Run     tenant.RunID     `json:"run,omitempty"` // of a run that is there already, as one that was started by hand; else the worker makes it
}

// Subject is of the message's log line.
func (m Message) Subject() observe.Subject {
	return observe.Subject{Operation: string(m.Kind), Tenant: m.Tenant, Project: m.Project}
}

// ID of the run that the message is about.
func (m Message) ID() tenant.RunID {
	return tenant.RunIDOf(m.Tenant, m.Project, string(m.Kind), m.Slot)
}

// ParseMessages reads the body of a queue message. Errors are fault.Malformed.
func ParseMessages(body []byte) ([]Message, error) {
	var m Message
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || d.More() {
		return nil, fault.Wrap(err, fault.Malformed, "the message is none of a run")
	}
	if err := m.check(); err != nil {
		return nil, fault.Wrap(err, fault.Malformed, "the message is none of a run")
	}
	m.Slot = m.Slot.UTC()
	return []Message{m}, nil
}

func (m Message) check() error {
	if _, err := ParseKind(string(m.Kind)); err != nil {
		return err
	}
	if _, err := tenant.ParseID(string(m.Tenant)); err != nil {
		return err
	}
	if _, err := tenant.ParseProjectID(string(m.Project)); err != nil {
		return err
	}
	if m.Slot.Before(earliest) || !m.Slot.Before(latest) || m.Slot.Nanosecond() != 0 {
		return fmt.Errorf("a slot is a time of whole seconds between %d and %d", earliest.Year(), latest.Year())
	}
	if m.Run != "" && m.Run != m.ID() {
		return fmt.Errorf("the run is none of that slot")
	}
	return nil
}

// Slots are times in between.
var (
	earliest = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

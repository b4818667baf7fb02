// Package schedule keeps when each project's costs, resources and metrics are collected: one schedule for each project and kind.
//
// What is to be follows from the tables alone: the tenant's status, its connections, its projects, and what was set of a schedule;
// what was not set has the kind's default and no item. A Scheduler, which sends the messages, is made to match: a tenant's part
// after every change, and all of it by Reconcile. Whatever is lost in between, the next of either mends it.
package schedule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Name tells schedules apart. It is always the same for a tenant, project and kind, so that no schedule is made twice.
type Name struct {
	Tenant  tenant.ID
	Project tenant.ProjectID
	Kind    collect.Kind
}

const (
	tenantPrefix, projectPrefix = "ten_", "prj_"

	// MaxName is how many characters a scheduler may have to take for a name.
	MaxName = 64
)

// String is the name as schedulers have it: at most MaxName letters, digits and hyphens, beginning with Prefix of the tenant.
func (n Name) String() string {
	return Prefix(n.Tenant) + strings.TrimPrefix(string(n.Project), projectPrefix) + "-" + string(n.Kind)
}

// Prefix is what the names of all of a tenant's schedules begin with, and no other's.
func Prefix(id tenant.ID) string { return strings.TrimPrefix(string(id), tenantPrefix) + "-" }

// ParseName reads a name in its one spelling.
func ParseName(s string) (n Name, err error) {
	of := strings.Split(s, "-")
	if len(of) != 3 {
		return n, fmt.Errorf("%q is no name of a schedule", s)
	}
	project := projectPrefix + of[1]
	if of[1] == string(tenant.Unassigned) {
		project = of[1]
	}
	if n.Tenant, err = tenant.ParseID(tenantPrefix + of[0]); err != nil {
		return Name{}, err
	}
	if n.Project, err = tenant.ParseProjectID(project); err != nil {
		return Name{}, err
	}
	if n.Kind, err = collect.ParseKind(of[2]); err != nil {
		return Name{}, err
	}
	return n, nil
}

// Entry is a schedule as a Scheduler has it. Entries that are == do the same.
type Entry struct {
	Name
	Expression    string // as ParseExpression takes it
	WindowMinutes int    // a message comes that late after its slot at most; 0 for as soon as can be
	Enabled       bool   // else it is there and sends nothing
}

// Scheduler sends a collect.Message to the collect queue at each slot of each enabled entry, at least once, within the entry's
// window: pkg/schedule/eventbridge, and pkg/schedule/bolt for one machine. Its methods may be repeated after any error;
// fault.Unavailable and fault.Limited are errors that pass.
type Scheduler interface {
	// Put makes the entry, or makes it as given where it is there and other.
	Put(ctx context.Context, e Entry) error
	// Remove removes an entry; it may be gone already.
	Remove(ctx context.Context, n Name) error
	// List gives all entries of a tenant as they are. One whose expression cannot be read, or that anybody else has changed
	// in what Entry does not say, comes with an Expression that nothing equals.
	List(ctx context.Context, id tenant.ID) ([]Entry, error)
	// Names gives a page of the names of all entries of all tenants, in any order, after a place that the page before
	// named as next; "" begins, and ends.
	Names(ctx context.Context, after string) (names []Name, next string, err error)
}

// Settings are what a person sets of a schedule.
type Settings struct {
	Expression    string `json:"expression" doc:"When it runs, in UTC: cron(minute hours day-of-month month day-of-week *) or rate(n hours)."`
	WindowMinutes int    `json:"windowMinutes" doc:"How many minutes after that a run may begin, so that not all begin at once: 0 to 1440."`
	Enabled       bool   `json:"enabled"`
}

// Set is what was set of a schedule, as it is stored and exported. A schedule that has the defaults may have none.
type Set struct {
	ProjectID tenant.ProjectID `json:"projectId"`
	Kind      collect.Kind     `json:"kind"`
	Settings
	UpdatedAt time.Time `json:"updatedAt"`
}

const (
	day    = 24 * time.Hour
	maxGap = 31 * day
	// MaxWindow is EventBridge Scheduler's own bound of a flexible time window, in minutes.
	MaxWindow = 1440
)

// kinds have the defaults and the bounds of each kind. Costs are new up to three times a day, and each question after them is $0.01
// to the customer; metrics are kept by day.
var kinds = map[collect.Kind]struct {
	Settings
	least time.Duration // between two slots
	why   string
}{
	collect.Costs: {Settings{"cron(0 6 * * ? *)", 240, true}, 6 * time.Hour, "AWS has new costs up to three times a day, and each look at them costs $0.01"},
	// Metrics are asked for of the resources that are known: these come first.
	collect.Resources: {Settings{"cron(0 1 * * ? *)", 120, true}, time.Hour, "an inventory takes its time"},
	collect.Metrics:   {Settings{"cron(0 4 * * ? *)", 120, true}, 6 * time.Hour, "metrics are kept by day, and each 1,000 asked for cost $0.01"},
}

// Default gives the settings of a kind's schedules that nobody has set.
func Default(k collect.Kind) Settings { return kinds[k].Settings }

// check refuses settings that a kind's schedule cannot have; the error says what to do.
func (s Settings) check(k collect.Kind) (field string, err error) {
	e, err := ParseExpression(s.Expression)
	if err != nil {
		return "expression", err
	}
	of := kinds[k]
	shortest, longest := e.gaps(of.least, maxGap)
	switch window := time.Duration(s.WindowMinutes) * time.Minute; {
	case shortest < of.least:
		return "expression", fmt.Errorf("%s are collected at most every %s: %s; here only %s are between two runs", k, hours(of.least), of.why, hours(shortest))
	case longest > maxGap:
		return "expression", fmt.Errorf("it must run at least every 31 days; here %d days may be between two runs. Days 29 to 31 are not in every month", int(longest/day))
	case s.WindowMinutes < 0 || s.WindowMinutes > MaxWindow:
		return "windowMinutes", fmt.Errorf("it must be from 0 to %d", MaxWindow)
	case window > shortest:
		return "windowMinutes", fmt.Errorf("it must not be longer than the time between two runs, here %d minutes", int(shortest/time.Minute))
	}
	return "", nil
}

func hours(d time.Duration) string {
	if d < 2*time.Hour {
		return fmt.Sprintf("%d minutes", int(d/time.Minute))
	}
	return fmt.Sprintf("%d hours", int(d/time.Hour))
}

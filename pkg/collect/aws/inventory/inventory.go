// Package inventory collects what there is in AWS accounts: everything that the Resource Groups Tagging API knows, and of some
// services what it does not, by region. What a service or region does not tell stays as it was.
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/
package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Collector is the collect.Collector of resources. All fields but the last are needed.
type Collector struct {
	// Config gives the configuration that acts in the connection's account.
	Config  func(ctx context.Context, s *tenant.Scope, c connection.Connection) (aws.Config, error)
	Clock   func() time.Time
	Random  io.Reader
	Retryer func() aws.Retryer // of single requests; nil for the SDK's own
}

// notes are what a step leaves to the next.
type notes struct {
	Begun   bool            `json:"begun,omitempty"`
	All     bool            `json:"all,omitempty"` // the regions are all that the account has enabled
	Regions []string        `json:"regions,omitempty"`
	Unit    int             `json:"unit,omitempty"`  // the list that is read next: of the lists of each region
	Token   string          `json:"token,omitempty"` // where it goes on
	Trail   call.Trail      `json:"trail,omitzero"`  // of its tokens
	Anew    int             `json:"anew,omitempty"`  // how often it was begun again
	Own     []string        `json:"own,omitempty"`   // the parts of what it has told
	Looks   []resource.Look `json:"looks,omitempty"`
	Parts   []string        `json:"parts,omitempty"` // of what was seen in the lists before
}

// step is one call of Collect.
type step struct {
	*Collector
	task  *collect.Task
	notes notes
	base  aws.Config
	found []resource.Sighting // in lists that were read whole, not put aside yet
	own   []resource.Sighting // in the list that is being read, not put aside yet

	wide, regional []lister
}

// most bounds the sightings that are held until they are put aside.
const most = 5000

// Collect reads lists until the step's time is over and, when all are read, makes visible what they have told.
func (c *Collector) Collect(ctx context.Context, t *collect.Task) (more bool, err error) {
	s := &step{Collector: c, task: t, wide: wide(), regional: regional()}
	if err := t.Notes(&s.notes); err != nil {
		return false, err
	}
	if s.base, err = c.Config(ctx, t.Scope, t.Connection); err != nil {
		return false, explain(err)
	}
	s.meter()
	if !s.notes.Begun {
		if err := s.begin(ctx); err != nil {
			return false, explain(err)
		}
	}
	for s.notes.Unit < s.units() {
		if err := s.page(ctx); err != nil {
			return false, s.breakOff(ctx, explain(err))
		}
		if s.late() || len(s.found)+len(s.own) >= most {
			if err := s.keep(ctx); err != nil {
				return false, err
			}
		}
		if s.late() {
			return true, nil
		}
	}
	if err := s.keep(ctx); err != nil {
		return false, err
	}
	return false, s.end(ctx)
}

// breakOff keeps how far it is where the next step goes on from there.
func (s *step) breakOff(ctx context.Context, err error) error {
	if _, slow := errors.AsType[*collect.Throttled](err); slow {
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	return err
}

func (s *step) late() bool { return !s.task.Until.IsZero() && !s.Clock().Before(s.task.Until) }

// keep puts aside what was found, and keeps how far it is.
func (s *step) keep(ctx context.Context) error {
	k := resource.Keeper{Clock: s.Clock, Random: s.Random}
	ctx = context.WithoutCancel(ctx)
	names, err := k.Stage(ctx, s.task.Tenant, s.task.Connection.AccountID, s.found)
	if err != nil {
		return err
	}
	own, err := k.Stage(ctx, s.task.Tenant, s.task.Connection.AccountID, s.own)
	if err != nil {
		return err
	}
	s.notes.Parts, s.found = append(s.notes.Parts, names...), nil
	s.notes.Own, s.own = append(s.notes.Own, own...), nil
	return s.task.Keep(s.notes)
}

// units is how many lists are to be read: those of all regions once, then those of each region.
func (s *step) units() int { return len(s.wide) + len(s.notes.Regions)*len(s.regional) }

// unit is the list that is read next, and where.
func (s *step) unit() (lister, string) {
	n := s.notes.Unit - len(s.wide)
	if n < 0 {
		return s.wide[s.notes.Unit], home(s.task.Connection.Partition)
	}
	return s.regional[n%len(s.regional)], s.notes.Regions[n/len(s.regional)]
}

// page reads a page of a list. A list that cannot be read is noted, and the next one is read.
func (s *step) page(ctx context.Context) error {
	l, region := s.unit()
	s.task.Stage(l.service + " in " + region)
	config := s.base.Copy()
	config.Region = region
	found, next, err := l.page(ctx, place{config, s.task.Connection.Partition, s.task.Connection.AccountID}, s.notes.Token)
	for _, f := range found {
		if !l.global || slices.Contains(s.notes.Regions, f.Region) {
			s.own = append(s.own, f)
		}
	}
	if err == nil && next != "" {
		if err = s.notes.Trail.Next(next); err == nil {
			s.notes.Token = next
			return nil
		}
	}
	reason, skipped := refused(err, l)
	switch {
	case err != nil && s.notes.Token != "" && stale(err):
		if s.again(); s.notes.Anew <= maxAnew {
			return nil
		}
		reason = fmt.Sprintf("AWS has ended the list %d times before all of it was read. What is known stays as it is, and the next run reads it again.", s.notes.Anew)
	case err != nil && !skipped:
		return err
	}
	s.done(l, region, reason)
	return nil
}

// maxAnew is how often a list is begun again in a run.
const maxAnew = 2

// again begins the list again, since a token is for some minutes, and forgets what it has told.
func (s *step) again() {
	s.notes.Token, s.notes.Trail, s.notes.Own, s.own = "", call.Trail{}, nil, nil
	s.notes.Anew++
}

// done goes on to the next list. What a list has told that was not read whole is not taken.
func (s *step) done(l lister, region, reason string) {
	if reason == "" {
		s.found, s.notes.Parts = append(s.found, s.own...), append(s.notes.Parts, s.notes.Own...)
	}
	s.again()
	s.notes.Anew = 0
	s.look(l, region, reason)
	s.notes.Unit++
}

// look notes that a list was read, or why not.
func (s *step) look(l lister, region, reason string) {
	at := resource.Look{Region: region, Types: l.types, Service: l.service, Reason: reason}
	at.Global = len(l.types) == 0 && region == home(s.task.Connection.Partition)
	if !l.global {
		s.notes.Looks = append(s.notes.Looks, at)
		return
	}
	if s.notes.All {
		at.Region = resource.Everywhere
		s.notes.Looks = append(s.notes.Looks, at)
		return
	}
	for _, region := range s.notes.Regions {
		at.Region = region
		s.notes.Looks = append(s.notes.Looks, at)
	}
}

// end makes what was told visible.
func (s *step) end(ctx context.Context) error {
	if reason := s.denied(); reason != "" {
		return &collect.Denied{Reason: reason}
	}
	k := resource.Keeper{Clock: s.Clock, Random: s.Random}
	at := s.Clock()
	n, err := k.Commit(ctx, s.task.Tenant, resource.Survey{Account: s.task.Connection.AccountID, At: at, Looks: s.notes.Looks, Parts: s.notes.Parts},
		s.task.Guard()...)
	if err != nil {
		return err
	}
	s.task.Count("resources", int64(n.There))
	s.task.Count("new", int64(n.New))
	s.task.Count("gone", int64(n.Gone))
	for _, l := range s.notes.Looks {
		switch {
		case l.Reason == "":
		case l.Service == "":
			s.task.Skip(l.Region, l.Reason)
		default:
			s.task.Skip(fmt.Sprintf("%s in %s", l.Service, l.Region), l.Reason)
		}
	}
	return nil
}

// denied is why nothing at all could be read; "" where something was.
func (s *step) denied() (reason string) {
	for _, l := range s.notes.Looks {
		if l.Service == "" {
			continue // a region, which was not looked at
		}
		if l.Reason == "" {
			return ""
		}
		reason = l.Reason
	}
	if reason == "" {
		return ""
	}
	return "The role allows none of the lists of resources. Update the stack of its template, which has all actions that are used. The last answer was: " + reason
}

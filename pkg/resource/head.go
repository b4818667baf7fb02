package resource

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// head says which generation of each account's resources counts: what changes it makes a whole look at an account visible, in
// every project at once. It is one item of a tenant.
type head struct {
	_        struct{} `cbor:",toarray"`
	Accounts []account
}

// account is what counts of one, and how the last look at it went.
type account struct {
	_        struct{} `cbor:",toarray"`
	ID       string
	Gen      string // a ULID
	At       int64  // seconds of Unix
	Holdings []holding
	Skipped  []Skipped
}

// holding is what a project has of an account: so many parts.
type holding struct {
	_       struct{} `cbor:",toarray"`
	Project tenant.ProjectID
	Parts   int
	Count   int // of resources, gone ones too
}

// Skipped is what a look at an account could not read, so that its resources stayed as they were.
type Skipped struct {
	_       struct{} `cbor:",toarray" json:"-"`
	Region  string   `json:"region,omitempty" doc:"Absent for what is in none."`
	Service string   `json:"service,omitempty" doc:"Absent for a whole region."`
	Reason  string   `json:"reason"`
}

// readHead gives the head and the version of its item, 0 where there is none.
func readHead(ctx context.Context, h *store.Tenant) (x head, version int64, err error) {
	if version, err = generation.Read(ctx, h, store.Inventory(), &x); err != nil {
		return head{}, 0, fmt.Errorf("read the inventory: %w", err)
	}
	return x, version, nil
}

// find gives the place of an account.
func (x *head) find(id string) (at int, found bool) {
	return slices.BinarySearchFunc(x.Accounts, id, func(a account, id string) int { return cmp.Compare(a.ID, id) })
}

// of gives an account, nil where it was never looked at.
func (x *head) of(id string) *account {
	if at, found := x.find(id); found {
		return &x.Accounts[at]
	}
	return nil
}

// with gives the head with an account as it is now.
func (x head) with(a account) head {
	all := slices.Clone(x.Accounts)
	if at, found := x.find(a.ID); found {
		all[at] = a
	} else {
		all = slices.Insert(all, at, a)
	}
	return head{Accounts: all}
}

// keys are those of an account's parts.
func (a *account) keys() (all []store.Key) {
	for _, h := range a.Holdings {
		all = append(all, h.keys(a.ID, a.Gen)...)
	}
	return all
}

func (h *holding) keys(account, gen string) (all []store.Key) {
	for n := range h.Parts {
		all = append(all, store.Resources(h.Project, account, gen, n))
	}
	return all
}

// Origin is an account where resources come from.
type Origin struct {
	ID          string    `json:"accountId"`
	CollectedAt time.Time `json:"collectedAt"`
	Skipped     []Skipped `json:"skipped" doc:"What could not be read then: at most 20 of an account and some hundreds of all; the last of an account says where there are more."`
}

// An answer and the head tell that much of what could not be read: a policy of an organization may deny hundreds of lists in each of
// hundreds of accounts.
const (
	maxSkipped = 20  // of an account
	maxShown   = 500 // of all accounts of an answer, and one more of each account beyond
)

// brief gives at most n of what was skipped, and says where more is told.
func brief(all []Skipped, n int) []Skipped {
	if len(all) <= n {
		return all
	}
	return append(slices.Clone(all[:n-1]), Skipped{Reason: "More could not be read than is told here. See the account's last run of resources."})
}

// shown lists the accounts that a query is of and may be shown.
func (x *head) shown(q *Query, shows func(*account) bool) []Origin {
	all, room := []Origin{}, maxShown
	for i := range x.Accounts {
		if a := &x.Accounts[i]; shows(a) && q.keeps(byAccount, a.ID) {
			skipped := brief(a.Skipped, max(room, 1))
			room -= len(skipped)
			all = append(all, Origin{a.ID, time.Unix(a.At, 0).UTC(), append([]Skipped{}, skipped...)})
		}
	}
	return all
}

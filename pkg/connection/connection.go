// Package connection keeps a tenant's connections: the AWS accounts of customers that the platform reads, each through a role
// of the account that only the platform may take, and only by an ExternalId that the connection alone has.
package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Connection is a tenant's way into one AWS account. JSON is its stored form, and its wire form but for the ExternalID, which
// only those who may set connections up are shown.
type Connection struct {
	ID          tenant.ConnectionID `json:"id" doc:"con_ and 26 characters."`
	Name        string              `json:"name"`
	AccountID   string              `json:"accountId" doc:"Of 12 digits."`
	Kind        Kind                `json:"kind" enum:"payer,member" doc:"A payer account knows the costs of every account below it."`
	Partition   string              `json:"partition" enum:"aws,aws-cn,aws-us-gov"`
	ExternalID  string              `json:"externalId,omitempty" doc:"What the role's trust policy asks for; of this connection alone."`
	RoleARN     string              `json:"roleArn,omitempty" doc:"The role in the account that is taken to read it; absent until one was verified."`
	Profile     string              `json:"profile,omitempty" doc:"Instead of a role, a profile of the machine that the platform runs on; on one machine alone."`
	ProjectID   tenant.ProjectID    `json:"projectId,omitempty" doc:"The project that was created with it."`
	Regions     []string            `json:"regions,omitempty" doc:"Where resources and metrics are looked for; absent for all regions that the account has enabled."`
	Exports     []Export            `json:"exports,omitempty" doc:"The FOCUS exports that are read; where they have costs, they count and Cost Explorer's are their control."`
	Status      Status              `json:"status" enum:"pending,connected,broken,paused"`
	Reason      string              `json:"reason,omitempty" doc:"Why it is broken or was paused, and what to do."`
	BrokenSince *time.Time          `json:"brokenSince,omitempty"`
	VerifiedAt  *time.Time          `json:"verifiedAt,omitempty" doc:"When the role was last found to work, and to refuse who lacks the ExternalId."`
	CreatedAt   time.Time           `json:"createdAt"`
	UpdatedAt   time.Time           `json:"updatedAt"`
}

// Kind says what an account is among those that are billed together.
type Kind string

// The kinds.
const (
	Payer  Kind = "payer"  // its bill has the costs of all accounts below it
	Member Kind = "member" // its own costs alone
)

// Status says whether a connection is read.
type Status string

// The statuses. Only Connected ones are read; Broken ones are tried once a day.
const (
	Pending   Status = "pending"   // no role was verified yet
	Connected Status = "connected" // verified
	Broken    Status = "broken"    // access was denied; Reason says what by
	Paused    Status = "paused"    // by a member, or broken for too long
)

// List gives all of a tenant's connections, oldest first, as they are at this moment.
func List(ctx context.Context, h *store.Tenant) (all []Connection, err error) {
	for l := (store.List{Consistency: store.Strongly}); ; {
		page, err := h.Query(ctx, store.Connections(), l)
		if err != nil {
			return nil, fmt.Errorf("list connections: %w", err)
		}
		for _, r := range page.Records {
			var c Connection
			if err := r.Value.Decode(&c); err != nil {
				return nil, fmt.Errorf("list connections: %w", err)
			}
			all = append(all, c)
		}
		if l.After = page.Next; l.After == "" {
			return all, nil
		}
	}
}

// Read gives a connection and its version, 0 where there is none.
func Read(ctx context.Context, h *store.Tenant, id tenant.ConnectionID) (c Connection, version int64, err error) {
	if version, err = h.Read(ctx, store.Connection(id), &c); err != nil {
		return c, 0, fmt.Errorf("read a connection: %w", err)
	}
	return c, version, nil
}

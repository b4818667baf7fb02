package connection

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on connections.
type Service struct {
	Store     *store.Store
	Clock     func() time.Time
	Random    io.Reader // of IDs and ExternalIds
	Audit     audit.Log
	Projects  *project.Service
	Files     Files
	Verifier  Verifier                             // nil where accounts cannot be connected
	Changed   func(context.Context, *tenant.Scope) // is told of every connection that is changed or deleted, and again where the request is repeated; may be nil
	Principal string                               // the ARN that customers' roles trust; "" where that is not set up
}

// Verifier looks whether a connection is as it must be: the real one takes roles (pkg/collect/aws), that of one machine
// profiles too.
type Verifier interface {
	// Verify takes the connection's role, or profile, for the scope's tenant, and lets go of it. It is a *Refusal where that
	// does not work, where the account is another than the connection's, or where the role lets in who has not the connection's
	// ExternalId; and fault.Unavailable where that cannot be told now.
	Verify(ctx context.Context, s *tenant.Scope, c Connection) error
}

// Files is where templates lie that the console of CloudFormation reads: a tenant's files.
type Files interface {
	// Put keeps a small file, in the place of what was there.
	Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error
	// DownloadURL gives an address that serves a file without further credentials until it expires. One that begins with / is
	// of this server.
	DownloadURL(ctx context.Context, s *tenant.Scope, name, as string, expires time.Duration) (string, error)
}

const (
	createConnection, listConnections = "createConnection", "listConnections"

	attempts = 5
)

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, tag = "/v1/tenants/{tenantId}/connections", "Connections"
	const read, write, setup = tenant.ReadConnection, tenant.WriteConnection, tenant.SetUpConnection
	const one, id = all + "/{connectionId}", "con_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	name, regions := "production", []string{"eu-west-1", "us-east-1"}
	exports := []Export{{Name: "focus-daily", Bucket: "abc-data-exports", Prefix: "focus"}}
	return []route.Operation{
		route.ForTenant(route.Spec{ID: createConnection, Method: "POST", Path: all, Permission: write, Reach: route.Whole, Function: route.API, Tag: tag, Status: 201,
			MaxBody: maxBody, Summary: "Connect an AWS account", Doc: docCreate,
			Example: createIn{Body: New{Name: name, AccountID: "111122223333", Kind: string(Member), Regions: regions}}}, s.create),
		route.ForTenant(route.Spec{ID: listConnections, Method: "GET", Path: all, Permission: read, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "List connections", Doc: "Oldest first. " + docLimited, Example: listIn{}}, s.list),
		route.ForTenant(route.Spec{ID: "getConnection", Method: "GET", Path: one, Permission: read, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Get a connection", Doc: docLimited, Example: getIn{ConnectionID: id}}, s.get),
		route.ForTenant(route.Spec{ID: "getConnectionSetup", Method: "GET", Path: one + "/setup", Permission: setup, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Get what the account needs for a connection", Doc: docSetup, Example: setupIn{ConnectionID: id, ExportBucket: "abc-data-exports"}}, s.setup),
		route.ForTenant(route.Spec{ID: "getConnectionTemplate", Method: "GET", Path: one + "/template", Permission: setup, Reach: route.Within, Function: route.API, Tag: tag,
			Media: "text/yaml", Summary: "Get the CloudFormation template of a connection", Doc: docTemplate,
			Example: templateIn{ConnectionID: id, ExportBucket: "abc-data-exports"}}, s.template),
		route.ForTenant(route.Spec{ID: "updateConnection", Method: "PATCH", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Change a connection", Doc: docUpdate, Example: updateIn{ConnectionID: id, Body: Patch{Name: &name, Regions: &regions, Exports: &exports}}}, s.update),
		route.ForTenant(route.Spec{ID: "verifyConnection", Method: "POST", Path: one + "/verify", Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Verify a connection", Doc: "Looks whether its role still works and still refuses who lacks the ExternalId. It is then `connected`, " +
				"or `broken` with the reason.", Example: verifyIn{ConnectionID: id}}, s.verify),
		route.ForTenant(route.Spec{ID: "deleteConnection", Method: "DELETE", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Disconnect an AWS account", Doc: "Nothing is read from the account any more, and another organization may connect it. What was collected " +
				"stays. Delete the stack in the account too.", Example: verifyIn{ConnectionID: id}}, s.delete),
	}
}

const (
	maxBody = 512 << 10 // that of a new project

	docCreate = "It is `pending` until a role of the account was verified: GET .../setup says what the account needs, and PATCH with `roleArn` " +
		"verifies it. The `externalId` is made here and is of this connection alone. With `project` a project is created in the same " +
		"step; a member account is its `accountIds` where none are given. A payer brings the costs of every account below it: its project must " +
		"name those that are its in `accountIds`, or have a `tagSelector`, and what no project's rule selects is in the project `unassigned`."
	docLimited = "A member who is limited to projects sees no connections; `externalId` is shown to admins and owners."
	docSetup   = "The trust policy and the permissions of the role that the account is read by, each action with its reason, and a link that opens the " +
		"console of CloudFormation with everything filled in: good for an hour, and absent where the platform runs on one machine and while the organization is not active. " +
		"`exportBucket` is the bucket in the account that FOCUS data exports are delivered to, if there is one."
	docTemplate = "YAML, with everything filled in: create a stack of it in the account, and PATCH the connection with the stack's output RoleArn as " +
		"`roleArn`. With `Accept: application/json` it is a text in JSON."
	docUpdate = "What is left out stays as it is. `roleArn` is verified before anything is changed: the role must be taken with the connection's " +
		"ExternalId, and must refuse who has none or another; it is refused with the reason otherwise. An account belongs to one organization " +
		"at a time. `paused` stops what is read from the account; to resume verifies it again."
)

type connectionOut struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Connection
}

// none is the answer of what has nothing to say.
type none struct{}

// out answers with a connection as the scope's principal is shown it.
func out(scope *tenant.Scope, c Connection, version int64) *connectionOut {
	return &connectionOut{ETag: route.ETag(version), Body: c.SeenBy(scope)}
}

// SeenBy leaves the ExternalID to those who may set connections up.
func (c Connection) SeenBy(scope *tenant.Scope) Connection {
	if !scope.Role().May(tenant.SetUpConnection) {
		return c.Public()
	}
	return c
}

// Public is the connection without its ExternalID, which the audit log and exports do not hold.
func (c Connection) Public() Connection {
	c.ExternalID = ""
	return c
}

const noSuch = "There is no such connection in this organization."

// visible gives the ID of a connection that the member may know of. A connection is of the whole tenant: a member who is
// limited to projects knows of none, and neither the answer nor the time it takes tells of what is there.
func visible(scope *tenant.Scope, id string) (tenant.ConnectionID, error) {
	c, err := tenant.ParseConnectionID(id)
	if err != nil {
		return "", fault.New(fault.NotFound, noSuch)
	}
	if scope.Limited() {
		return "", fault.Wrap(tenant.ErrDenied, fault.NotFound, noSuch)
	}
	return c, nil
}

// find opens the tenant and reads the connection that a path names.
func (s *Service) find(ctx context.Context, scope *tenant.Scope, id string) (h *store.Tenant, c Connection, version int64, err error) {
	of, err := visible(scope, id)
	if err != nil {
		return nil, c, 0, err
	}
	if h, err = s.Store.Tenant(scope); err != nil {
		return nil, c, 0, err
	}
	if c, version, err = Read(ctx, h, of); err == nil && version == 0 {
		err = fault.New(fault.NotFound, noSuch)
	}
	return h, c, version, err
}

type getIn struct {
	ConnectionID string `path:"connectionId" doc:"con_ and 26 characters."`
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*connectionOut, error) {
	_, c, version, err := s.find(ctx, scope, in.ConnectionID)
	if err != nil {
		return nil, err
	}
	return out(scope, c, version), nil
}

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Connection] }

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	cursors := route.NewCursors(listConnections, string(scope.Tenant()))
	after, err := cursors.Key(in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &listOut{route.Page[Connection]{Items: []Connection{}}}
	if scope.Limited() {
		return out, nil
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	page, err := h.Query(ctx, store.Connections(), store.List{After: after, Limit: in.Limit, Consistency: store.Strongly})
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	for _, r := range page.Records {
		var c Connection
		if err := r.Value.Decode(&c); err != nil {
			return nil, fmt.Errorf("list connections: %w", err)
		}
		out.Body.Items = append(out.Body.Items, c.SeenBy(scope))
	}
	out.Body.Next = cursors.Make(page.Next)
	return out, nil
}

// row tells of a change of a connection in the audit log.
func (s *Service) row(ctx context.Context, scope *tenant.Scope, e audit.Event, before, after *Connection) (store.Change, error) {
	for of, into := range map[*Connection]*any{before: &e.Before, after: &e.After} {
		if of != nil {
			*into = of.Public()
			e.Target = "connection/" + string(of.ID)
		}
	}
	return s.Audit.Row(ctx, scope, e)
}

// now is the time to the millisecond, which every store keeps.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

func busy() error {
	return fault.New(fault.Conflict, "The connection is being changed by others. Try again.")
}

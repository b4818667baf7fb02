package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/secret"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Limits of a connection, and of a tenant's connections.
const (
	MaxName        = 100
	MaxRegions     = 50
	MaxConnections = 1000
)

// ExternalIDPrefix begins every ExternalId, so that people and scanners for secrets know one.
const ExternalIDPrefix = "tne_"

// NewExternalID makes an ExternalId: the prefix, and 160 random bits in 32 characters of a to z and 2 to 7.
func NewExternalID(random io.Reader) (string, error) {
	var bits [20]byte
	if err := secret.Fill(bits[:], random); err != nil {
		return "", err
	}
	return secret.Text(ExternalIDPrefix, bits[:]), nil
}

// New is what a caller says of a new connection.
type New struct {
	Name      string      `json:"name" minLength:"1" doc:"1 to 100 characters, blanks around them not counted."`
	AccountID string      `json:"accountId" pattern:"^[0-9]{12}$" patternDescription:"an account ID of 12 digits" doc:"The AWS account."`
	Kind      string      `json:"kind,omitempty" enum:"payer,member" default:"member" doc:"payer where the account pays for an organization of AWS: its costs are those of every account below it."`
	Partition string      `json:"partition,omitempty" enum:"aws,aws-cn,aws-us-gov" doc:"Where the account is; left out, where the platform is."`
	Regions   []string    `json:"regions,omitempty" maxItems:"50" doc:"Where resources and metrics are looked for; left out, everywhere that the account has enabled."`
	Exports   []Export    `json:"exports,omitempty" maxItems:"10" doc:"FOCUS exports of the account, which count before Cost Explorer."`
	Project   *NewProject `json:"project,omitempty" doc:"A project to create in the same step. A member account is its accountIds where none are given; of a payer it must say which accounts or tags are its."`
}

// NewProject is the project of a new connection.
type NewProject project.New

type createIn struct {
	route.IdempotencyKey
	Body New
}

// errBefore ends the making of a connection that the same request has made before.
var errBefore = errors.New("the request was answered before")

func (s *Service) create(ctx context.Context, scope *tenant.Scope, in *createIn) (*connectionOut, error) {
	c, err := s.connection(in.Body)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), createConnection, in.Body)
	if err != nil {
		return nil, err
	}
	version := int64(1)
	with := func(ctx context.Context, h *store.Tenant, p project.Project) ([]store.Change, error) {
		id, err := once.Done(ctx, h)
		if err != nil {
			return nil, err
		}
		if id != "" {
			if c, version, err = Read(ctx, h, tenant.ConnectionID(id)); err != nil {
				return nil, err
			}
			if version == 0 {
				return nil, fault.New(fault.NotFound, noSuch)
			}
			return nil, errBefore
		}
		c.ProjectID = p.ID
		return s.writing(ctx, scope, h, c, once)
	}
	err = s.write(ctx, scope, in.Body, with)
	if errors.Is(err, errBefore) {
		err = s.again(ctx, scope, c)
	}
	if err != nil {
		return nil, err
	}
	made := out(scope, c, version)
	made.Location = fmt.Sprintf("/v1/tenants/%s/connections/%s", scope.Tenant(), c.ID)
	return made, nil
}

// again tells once more of the project that was created with a connection.
func (s *Service) again(ctx context.Context, scope *tenant.Scope, c Connection) error {
	if c.ProjectID == "" {
		return nil
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return err
	}
	p, err := project.Find(ctx, scope, h, string(c.ProjectID))
	if err != nil {
		return err
	}
	return s.Projects.Again(ctx, scope, p)
}

// connection gives the connection that a caller describes, checked.
func (s *Service) connection(n New) (c Connection, err error) {
	now := s.now()
	if strings.Trim(n.AccountID, "0") == "" {
		return c, fault.New(fault.Invalid, "No AWS account has this ID. `aws sts get-caller-identity` in the account tells its own.").
			At("body.accountId", "is no account's", n.AccountID)
	}
	c = Connection{AccountID: n.AccountID, Kind: Kind(n.Kind), Partition: n.Partition, Status: Pending, CreatedAt: now, UpdatedAt: now}
	if c.Name, err = route.Line("body.name", n.Name, MaxName); err != nil {
		return c, err
	}
	if ours := s.partition(); c.Partition == "" {
		c.Partition = ours
	} else if s.Principal != "" && c.Partition != ours {
		return c, fault.New(fault.Invalid, "The platform is in the partition %s of AWS, and roles of %s cannot be taken from there. Use a platform that "+
			"is in %s.", ours, c.Partition, c.Partition).At("body.partition", "is not the platform's", c.Partition)
	}
	if c.Regions, err = regions(n.Regions, c.Partition); err != nil {
		return c, err
	}
	if c.Exports, err = exports(n.Exports, c.Partition); err != nil {
		return c, err
	}
	if p := n.Project; c.Kind == Payer && p != nil && len(p.AccountIDs)+len(p.TagSelector) == 0 {
		return c, fault.New(fault.Invalid, "A payer brings the costs of every account below it, and no rule says \"all of them\". Name those that are the "+
			"project's in project.accountIds, the payer's own ID among them if it is, or give a project.tagSelector. What no project's rule selects is in "+
			"the project `unassigned`.").At("body.project", "selects no account", "")
	}
	if c.ID, err = tenant.NewConnectionID(now, s.Random); err != nil {
		return c, err
	}
	c.ExternalID, err = NewExternalID(s.Random)
	return c, err
}

// partition is that of the platform.
func (s *Service) partition() string {
	if parts := strings.SplitN(s.Principal, ":", 3); len(parts) == 3 {
		return parts[1]
	}
	return "aws"
}

// writing gives what writes a new connection.
func (s *Service) writing(ctx context.Context, scope *tenant.Scope, h *store.Tenant, c Connection, once route.Once) ([]store.Change, error) {
	all, err := List(ctx, h)
	if err != nil {
		return nil, err
	}
	if len(all) >= MaxConnections {
		return nil, fault.New(fault.Forbidden, "An organization has at most %d connections. Delete one that is not needed, or connect the payer account "+
			"instead of those below it.", MaxConnections)
	}
	row, err := s.row(ctx, scope, audit.Event{}, nil, &c)
	if err != nil {
		return nil, err
	}
	return append(once.Changes(string(c.ID), c.CreatedAt), store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.Absent}, row), nil
}

// write makes the connection, and the project that comes with it, in one transaction.
func (s *Service) write(ctx context.Context, scope *tenant.Scope, n New, with project.With) error {
	if n.Project != nil {
		p := project.New(*n.Project)
		if len(p.AccountIDs) == 0 && Kind(n.Kind) != Payer {
			p.AccountIDs = []string{n.AccountID}
		}
		_, err := s.Projects.Add(ctx, scope, p, with)
		return below("body.project", err)
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return err
	}
	for range attempts {
		changes, err := with(ctx, h, project.Project{})
		if err != nil {
			return err
		}
		err = h.Write(ctx, changes...)
		if store.Conflicted(err) == nil {
			return err
		}
	}
	return busy()
}

// below moves what a failure points at in a body to where that body is.
func below(at string, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || len(f.Details) == 0 {
		return err
	}
	moved := fault.Wrap(err, f.Kind, "%s", strings.ReplaceAll(f.Message, "body.", at+".")).In(f.After)
	for _, d := range f.Details {
		rest, ours := strings.CutPrefix(d.Location, "body")
		if ours {
			d.Location = at + rest
		}
		moved.At(d.Location, d.Message, d.Value)
	}
	return moved
}

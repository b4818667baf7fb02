// Package tenant holds what isolation rests on: identifiers, roles, permissions and the Scope. It does no I/O.
package tenant

import (
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/oklog/ulid/v2"
)

// ID names a tenant: "ten_" and a ULID, 30 characters always, so that no tenant's key is a prefix of another's.
type ID string

// ProjectID names a project of a tenant: "prj_" and a ULID, or Unassigned.
type ProjectID string

// DeliveryID names a delivery of cost files: "imp_" and a ULID.
type DeliveryID string

// KeyID names an API key of a tenant: "key_" and a ULID.
type KeyID string

// InvitationID names an invitation into a tenant: "inv_" and a ULID.
type InvitationID string

// ExportID names an export of all that a tenant has: "exp_" and a ULID.
type ExportID string

// ConnectionID names a connection to an AWS account: "con_" and a ULID.
type ConnectionID string

// RunID names a run of collection in a project: "run_" and a ULID of the run's slot, which only that run has.
type RunID string

// ResourceID names a resource of a customer's account: "res_" and 26 characters that only its ARN has in the tenant.
type ResourceID string

// MemberID names a person's membership of a tenant: "mem_" and 26 characters that only that tenant has for that person.
type MemberID string

// Unassigned is the project that holds what no project's rules select. Every tenant has it.
const Unassigned ProjectID = "unassigned"

const (
	tenantPrefix   = "ten_"
	projectPrefix  = "prj_"
	deliveryPrefix = "imp_"

	keyPrefix        = "key_"
	invitationPrefix = "inv_"
	exportPrefix     = "exp_"
	connectionPrefix = "con_"
	memberPrefix     = "mem_"
	runPrefix        = "run_"
	resourcePrefix   = "res_"

	idLength = 4 + ulid.EncodedSize
)

// NewID makes a tenant's ID of the time in milliseconds and 80 random bits.
func NewID(now time.Time, random io.Reader) (ID, error) {
	s, err := newID(tenantPrefix, now, random)
	return ID(s), err
}

// NewProjectID makes a project's ID as NewID does.
func NewProjectID(now time.Time, random io.Reader) (ProjectID, error) {
	s, err := newID(projectPrefix, now, random)
	return ProjectID(s), err
}

// NewDeliveryID makes a delivery's ID as NewID does.
func NewDeliveryID(now time.Time, random io.Reader) (DeliveryID, error) {
	s, err := newID(deliveryPrefix, now, random)
	return DeliveryID(s), err
}

// NewKeyID makes an API key's ID as NewID does.
func NewKeyID(now time.Time, random io.Reader) (KeyID, error) {
	s, err := newID(keyPrefix, now, random)
	return KeyID(s), err
}

// NewInvitationID makes an invitation's ID as NewID does.
func NewInvitationID(now time.Time, random io.Reader) (InvitationID, error) {
	s, err := newID(invitationPrefix, now, random)
	return InvitationID(s), err
}

// NewExportID makes an export's ID as NewID does.
func NewExportID(now time.Time, random io.Reader) (ExportID, error) {
	s, err := newID(exportPrefix, now, random)
	return ExportID(s), err
}

// NewConnectionID makes a connection's ID as NewID does.
func NewConnectionID(now time.Time, random io.Reader) (ConnectionID, error) {
	s, err := newID(connectionPrefix, now, random)
	return ConnectionID(s), err
}

// MemberIDOf gives the one ID that a person's membership of a tenant has.
func MemberIDOf(id ID, issuer, subject string) MemberID {
	sum := sha256.Sum256([]byte(string(id) + "\x00" + issuer + "\x00" + subject))
	u := ulid.ULID(sum[:16])
	return MemberID(memberPrefix + u.String())
}

// ResourceIDOf gives the one ID that the resource of an ARN has in a tenant.
func ResourceIDOf(id ID, arn string) ResourceID {
	sum := sha256.Sum256([]byte(string(id) + "\x00" + arn))
	u := ulid.ULID(sum[:16])
	return ResourceID(resourcePrefix + u.String())
}

// RunIDOf gives the one ID that the run of a project, kind and slot has.
func RunIDOf(id ID, project ProjectID, kind string, slot time.Time) RunID {
	sum := sha256.Sum256([]byte(string(id) + "\x00" + string(project) + "\x00" + kind))
	var u ulid.ULID
	_ = u.SetTime(ulid.Timestamp(slot)) // fails for years past 10889 alone
	_ = u.SetEntropy(sum[:10])
	return RunID(runPrefix + u.String())
}

// Slot is the run's, to the millisecond; the zero time of what is no ID.
func (id RunID) Slot() time.Time {
	if check(runPrefix, string(id)) != nil {
		return time.Time{}
	}
	u, _ := ulid.ParseStrict(string(id[len(runPrefix):]))
	return ulid.Time(u.Time()).UTC()
}

// Made is when the ID was made, to the millisecond; the zero time of what is no ID.
func (id ID) Made() time.Time {
	if check(tenantPrefix, string(id)) != nil {
		return time.Time{}
	}
	u, _ := ulid.ParseStrict(string(id[len(tenantPrefix):]))
	return ulid.Time(u.Time()).UTC()
}

// ParseID reads a tenant's ID in its one spelling.
func ParseID(s string) (ID, error) { return ID(s), check(tenantPrefix, s) }

// ParseProjectID reads a project's ID in its one spelling; Unassigned is one.
func ParseProjectID(s string) (ProjectID, error) {
	if s == string(Unassigned) {
		return Unassigned, nil
	}
	return ProjectID(s), check(projectPrefix, s)
}

// ParseDeliveryID reads a delivery's ID in its one spelling.
func ParseDeliveryID(s string) (DeliveryID, error) { return DeliveryID(s), check(deliveryPrefix, s) }

// ParseKeyID reads an API key's ID in its one spelling.
func ParseKeyID(s string) (KeyID, error) { return KeyID(s), check(keyPrefix, s) }

// ParseInvitationID reads an invitation's ID in its one spelling.
func ParseInvitationID(s string) (InvitationID, error) {
	return InvitationID(s), check(invitationPrefix, s)
}

// ParseExportID reads an export's ID in its one spelling.
func ParseExportID(s string) (ExportID, error) { return ExportID(s), check(exportPrefix, s) }

// ParseConnectionID reads a connection's ID in its one spelling.
func ParseConnectionID(s string) (ConnectionID, error) {
	return ConnectionID(s), check(connectionPrefix, s)
}

// ParseRunID reads a run's ID in its one spelling.
func ParseRunID(s string) (RunID, error) { return RunID(s), check(runPrefix, s) }

// ParseResourceID reads a resource's ID in its one spelling.
func ParseResourceID(s string) (ResourceID, error) { return ResourceID(s), check(resourcePrefix, s) }

// ParseMemberID reads a membership's ID in its one spelling.
func ParseMemberID(s string) (MemberID, error) { return MemberID(s), check(memberPrefix, s) }

func newID(prefix string, now time.Time, random io.Reader) (string, error) {
	u, err := ulid.New(ulid.Timestamp(now), random)
	if err != nil {
		return "", fmt.Errorf("make an ID: %w", err)
	}
	return prefix + u.String(), nil
}

func check(prefix, s string) error {
	if len(s) != idLength || s[:len(prefix)] != prefix {
		return fmt.Errorf("an ID is %s and 26 characters", prefix)
	}
	u, err := ulid.ParseStrict(s[len(prefix):])
	if err != nil || u.String() != s[len(prefix):] {
		return fmt.Errorf("an ID is %s and a ULID in capitals", prefix)
	}
	return nil
}

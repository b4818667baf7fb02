package store

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// DirectoryKey is where an item of the directory is. Only identity and the control plane use the directory.
type DirectoryKey struct{ pk, sk string }

// SubjectTenant is a principal's membership of a tenant, found from the principal.
func SubjectTenant(issuer, subject string, id tenant.ID) DirectoryKey {
	return DirectoryKey{subjectPK(issuer, subject), string(id)}
}

// SubjectFence is what every founding of a tenant by a principal moves, so that what they own is as it was counted.
func SubjectFence(issuer, subject string) DirectoryKey {
	return DirectoryKey{subjectPK(issuer, subject), "FENCE"}
}

// SubjectIdempotency is the outcome of a principal's request outside of any tenant.
func SubjectIdempotency(issuer, subject, operation, key string) DirectoryKey {
	return DirectoryKey{subjectPK(issuer, subject), "IDEM#" + operation + "#" + digest(key)}
}

// OrgIdempotency is the outcome of a member's request on what the directory has below a tenant, or a trace of a person's outside of it
// that names it.
func OrgIdempotency(id tenant.ID, operation, key string) DirectoryKey {
	return DirectoryKey{orgPK(id), "IDEM#" + operation + "#" + digest(key)}
}

// OrgMember is the same membership, found from the tenant.
func OrgMember(id tenant.ID, member tenant.MemberID) DirectoryKey {
	return DirectoryKey{orgPK(id), "MEMBER#" + string(member)}
}

// OrgFence is what every change of a tenant's members, invitations and API keys moves, so that one made on what another has
// changed meanwhile fails.
func OrgFence(id tenant.ID) DirectoryKey { return DirectoryKey{orgPK(id), "FENCE"} }

// APIKey is what a secret API key opens, found from the SHA-256 of it.
func APIKey(sum [sha256.Size]byte) DirectoryKey {
	return DirectoryKey{"KEY#" + hex.EncodeToString(sum[:]), "KEY"}
}

// OrgAPIKey is the same API key, found from the tenant.
func OrgAPIKey(id tenant.ID, key tenant.KeyID) DirectoryKey {
	return DirectoryKey{orgPK(id), "APIKEY#" + string(key)}
}

// OrgAPIKeys is all API keys of a tenant, oldest first.
func OrgAPIKeys(id tenant.ID) DirectorySpan { return beginning(orgPK(id), "APIKEY#") }

// Invitation is an invitation, found from the SHA-256 of its secret token.
func Invitation(sum [sha256.Size]byte) DirectoryKey {
	return DirectoryKey{"INV#" + hex.EncodeToString(sum[:]), "INV"}
}

// OrgInvitation is the same invitation, found from the tenant.
func OrgInvitation(id tenant.ID, invitation tenant.InvitationID) DirectoryKey {
	return DirectoryKey{orgPK(id), "INV#" + string(invitation)}
}

// OrgInvitations is all invitations into a tenant, oldest first.
func OrgInvitations(id tenant.ID) DirectorySpan { return beginning(orgPK(id), "INV#") }

// Account is the claim on an AWS account, which one tenant has at a time.
func Account(account string) DirectoryKey {
	return DirectoryKey{"ACCT#" + escape(account), "ACCT"}
}

// OrgAccount is the same claim, found from the tenant. A tenant's claims are a partition of their own, since who may give them up needs
// to see no member, API key or invitation, and IAM knows partitions alone.
func OrgAccount(id tenant.ID, account string) DirectoryKey {
	return DirectoryKey{claimsPK(id), "ACCT#" + escape(account)}
}

// OrgAccounts is all claims of a tenant, by account.
func OrgAccounts(id tenant.ID) DirectorySpan { return beginning(claimsPK(id), "ACCT#") }

func claimsPK(id tenant.ID) string { return "CLAIMS#" + string(id) }

// Org is all that the directory has below a tenant, but for its claims on accounts.
func Org(id tenant.ID) DirectorySpan { return beginning(orgPK(id), "") }

// Here is the key of a record that a Query of the span has given.
func (s DirectorySpan) Here(r Record) DirectoryKey { return DirectoryKey{s.pk, r.Address.SK} }

// SubjectIdempotencies is the outcomes of all requests of a principal outside of any tenant.
func SubjectIdempotencies(issuer, subject string) DirectorySpan {
	return beginning(subjectPK(issuer, subject), "IDEM#")
}

// Erasure is a tenant that is to be erased, by the time from which on; Erasures finds it.
func Erasure(due time.Time, id tenant.ID) DirectoryKey {
	return DirectoryKey{"ERASURE", due.UTC().Format(time.RFC3339) + "#" + string(id)}
}

// Erasures is all tenants that are to be erased by a time, the longest due first.
func Erasures(by time.Time) DirectorySpan {
	return DirectorySpan{"ERASURE", "0", by.UTC().Format(time.RFC3339) + "#" + highest}
}

// ExportEnd is an export whose files are to be erased, by the time from which on; ExportEnds finds it.
func ExportEnd(due time.Time, id tenant.ID, export tenant.ExportID) DirectoryKey {
	return DirectoryKey{"EXPORTEND", due.UTC().Format(time.RFC3339) + "#" + string(id) + "#" + string(export)}
}

// ExportEndAt is the same, by the sort key that a page of ExportEnds has.
func ExportEndAt(sort string) DirectoryKey { return DirectoryKey{"EXPORTEND", sort} }

// ExportEnds is all exports whose files are to be erased by a time, the longest due first.
func ExportEnds(by time.Time) DirectorySpan {
	return DirectorySpan{"EXPORTEND", "0", by.UTC().Format(time.RFC3339) + "#" + highest}
}

// TenantEntry is a tenant in the list of all tenants there are.
func TenantEntry(id tenant.ID) DirectoryKey { return DirectoryKey{"TENANTS", string(id)} }

// TenantEntries is the list of all tenants there are, oldest first.
func TenantEntries() DirectorySpan { return beginning("TENANTS", "ten_") }

// Reconciliation is how far the reconciliation that is under way has come.
func Reconciliation() DirectoryKey { return DirectoryKey{"RECONCILIATION", "PLACE"} }

// SubjectErasure is the proof that a tenant was erased, kept for the person who asked for it.
func SubjectErasure(issuer, subject string, id tenant.ID) DirectoryKey {
	return DirectoryKey{subjectPK(issuer, subject), "ERASED#" + string(id)}
}

// SubjectErasures is all such proofs of a person.
func SubjectErasures(issuer, subject string) DirectorySpan {
	return beginning(subjectPK(issuer, subject), "ERASED#")
}

// SubjectTenants is all memberships of a principal.
func SubjectTenants(issuer, subject string) DirectorySpan {
	return beginning(subjectPK(issuer, subject), "ten_")
}

// OrgMembers is all members of a tenant.
func OrgMembers(id tenant.ID) DirectorySpan { return beginning(orgPK(id), "MEMBER#") }

// DirectorySpan is a range of one partition of the directory.
type DirectorySpan struct{ pk, from, to string }

func subjectPK(issuer, subject string) string { return "SUB#" + escape(issuer) + "#" + escape(subject) }

func orgPK(id tenant.ID) string { return "ORG#" + string(id) }

// beginning is all of a partition whose sort keys begin with a text.
func beginning(pk, with string) DirectorySpan { return DirectorySpan{pk, with, with + highest} }

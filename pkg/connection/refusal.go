package connection

import "fmt"

// Refusal says why a connection is not as it must be, and how that is mended. Both are shown to members; no answer of AWS
// is in them.
type Refusal struct{ Reason, Mend string }

// Error is both.
func (r *Refusal) Error() string { return r.Reason + " " + r.Mend }

// NotTaken is the refusal of a role that cannot be taken with the connection's ExternalID.
func (c Connection) NotTaken() *Refusal {
	return &Refusal{fmt.Sprintf("The role %s cannot be taken with the ExternalId of this connection.", c.RoleARN),
		"See that the role is there, that its trust policy names the platform's principal, and that its condition on sts:ExternalId has the " +
			"connection's: GET .../setup shows the whole policy. A role that was made just now takes up to a minute."}
}

// Unconditional is the refusal of a role that can be taken without an ExternalId.
func (c Connection) Unconditional() *Refusal {
	return &Refusal{fmt.Sprintf("The role %s can be taken without an ExternalId, so that whoever knows its name could have the platform read the account.", c.RoleARN),
		"Add the condition on sts:ExternalId to its trust policy: GET .../setup shows the whole policy. It takes up to a minute to count."}
}

// AnyExternalID is the refusal of a role that can be taken with another ExternalId than the connection's.
func (c Connection) AnyExternalID() *Refusal {
	return &Refusal{fmt.Sprintf("The role %s can be taken with other ExternalIds than this connection's.", c.RoleARN),
		"Have the condition on sts:ExternalId in its trust policy be StringEquals with this connection's alone, without wildcards. It takes up to a " +
			"minute to count."}
}

// AnotherAccount is the refusal of a role or profile that turns out to be of another account.
func (c Connection) AnotherAccount(found string) *Refusal {
	what := "The role " + c.RoleARN
	if c.Profile != "" {
		what = "The profile " + c.Profile
	}
	return &Refusal{fmt.Sprintf("%s is of the account %s, and this connection is to %s.", what, found, c.AccountID),
		"Give one of the account " + c.AccountID + ", or make a connection to " + found + "."}
}

// NoProfile is the refusal of a profile that the machine has not, or that gives no access.
func (c Connection) NoProfile() *Refusal {
	return &Refusal{fmt.Sprintf("The profile %s of this machine gives no access to AWS.", c.Profile),
		"See that `aws sts get-caller-identity --profile " + c.Profile + "` works on the machine that the platform runs on; sign in again where its session has ended."}
}

// NoProfilesHere is the refusal of profiles where the platform is not one machine's.
func (c Connection) NoProfilesHere() *Refusal {
	return &Refusal{"A profile is of the machine that the platform runs on, and this platform runs on none that you could sign in to.",
		"Connect the account by a role: GET .../setup says what it needs."}
}

// NoRole is the refusal of a connection that names no role.
func (c Connection) NoRole() *Refusal {
	return &Refusal{"The connection has no role yet.", "Create the role with the template, and set roleArn."}
}

// AnotherPartition is the refusal of a profile that turns out to be in another partition.
func (c Connection) AnotherPartition(found string) *Refusal {
	return &Refusal{fmt.Sprintf("The profile %s is in the partition %s of AWS, and this connection is to an account in %s.", c.Profile, found, c.Partition),
		"Make a connection with the partition " + found + "."}
}

package connection

import (
	"regexp"
	"strings"
	"sync"

	"github.com/tenantry/tenantry/pkg/fault"
)

// RolePath is what every role that the platform takes lies below, so that its own rights name no other roles: of the ARN
// it is what follows "role".
const RolePath = "/tenantry/"

// roleName is a path below RolePath and a name, as IAM allows them.
var roleName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([!-.0-~]+/){0,8}[\w+=,.@-]{1,64}$`) })

// parseRole refuses what is no role of the connection's account that the platform may take.
func (c Connection) parseRole(arn string) error {
	refuse := func(what, detail string) error {
		return fault.New(fault.Invalid, "%s", what).At("body.roleArn", detail, arn)
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(arn) > 512 || len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" {
		return refuse("This is no ARN of an IAM role. Give the output RoleArn of the stack: arn:"+c.Partition+":iam::"+c.AccountID+":role"+RolePath+"...",
			"is no ARN of an IAM role")
	}
	name, role := strings.CutPrefix(parts[5], "role/")
	below, ours := strings.CutPrefix("/"+name, RolePath)
	switch {
	case !role:
		return refuse("This is the ARN of something else in IAM than a role. Give the output RoleArn of the stack.", "is not of a role")
	case parts[1] != c.Partition:
		return refuse("This role is in the partition "+parts[1]+" of AWS, and the connection is to an account in "+c.Partition+". Give a role of the "+
			"account "+c.AccountID+", or make a connection for that partition.", "is in another partition")
	case parts[4] != c.AccountID:
		return refuse("This role is of the account "+parts[4]+", and the connection is to "+c.AccountID+". Create the stack in the account "+
			c.AccountID+", or make a connection to "+parts[4]+".", "is of another account")
	case !ours || !roleName().MatchString(below):
		return refuse("This role does not lie below the path "+RolePath+", and the platform may take no others. Create the role with the template, "+
			"which gives it that path.", "does not lie below "+RolePath)
	}
	return nil
}

var principal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:(root|role/[!-~]+)$`)
})

// IsPrincipal tells whether a text is the ARN of an account or a role that customers' roles can trust.
func IsPrincipal(arn string) bool { return principal().MatchString(arn) }

var user = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:user/[!-~]+$`)
})

// IsUser tells whether a text is the ARN of a user of IAM: whom roles can trust where the platform is one person's machine.
func IsUser(arn string) bool { return user().MatchString(arn) }

// profileName is what a profile of a configuration file may be called here.
var profileName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w.@-]{1,64}$`) })

func parseProfile(name string) error {
	if !profileName().MatchString(name) {
		return fault.New(fault.Invalid, "A profile's name has 1 to 64 letters, digits and . _ @ -, as in the machine's AWS configuration.").
			At("body.profile", "is no name of a profile", name)
	}
	return nil
}

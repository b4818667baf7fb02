package connection

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/fault"
)

// regionsOf are the regions of each partition, as the SDK for Go lists them; a test holds the two together.
var regionsOf = map[string]string{
	"aws": "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 " +
		"ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 " +
		"eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 sa-west-1 " +
		"us-east-1 us-east-2 us-west-1 us-west-2",
	"aws-cn":     "cn-north-1 cn-northwest-1",
	"aws-us-gov": "us-gov-east-1 us-gov-west-1",
}

// Regions lists the regions that connections of a partition can name, in order.
func Regions(partition string) []string { return strings.Fields(regionsOf[partition]) }

// noRegion says why a name is no region of the partition, "" where it is one.
func noRegion(name, partition string) string {
	if slices.Contains(Regions(partition), name) {
		return ""
	}
	for other := range regionsOf {
		if slices.Contains(Regions(other), name) {
			return "is a region of the partition " + other + ", and the account is in " + partition
		}
	}
	return "is no region of " + partition + " that is known here, as " + Regions(partition)[0]
}

// regions checks names of regions of a partition, each once; none is nil.
func regions(names []string, partition string) ([]string, error) {
	bad := fault.New(fault.Invalid, "The regions are not acceptable; errors says where. Without any, everywhere that the account has enabled is looked at.")
	for i, name := range names {
		at := fmt.Sprintf("body.regions[%d]", i)
		if why := noRegion(name, partition); why != "" {
			bad.At(at, why, name)
		} else if slices.Contains(names[:i], name) {
			bad.At(at, "is there twice", name)
		}
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	return append([]string(nil), names...), nil
}

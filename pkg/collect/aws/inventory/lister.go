package inventory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tenantry/tenantry/pkg/resource"
)

// lister lists what a service has.
type lister struct {
	service string   // for people
	types   []string // of what it lists; none: of all that has tags
	global  bool     // a page tells of all regions
	actions []string // of IAM, that its calls need
	// page gives some of it after a token that an earlier page gave as next; "" at the end.
	page func(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error)
}

// place is where a lister looks: a configuration of an account's region.
type place struct {
	aws.Config
	partition, account string
}

// arn makes the ARN of what is in the place.
func (p place) arn(service, resource string) string {
	return arn.ARN{Partition: p.partition, Service: service, Region: p.Region, AccountID: p.account, Resource: resource}.String()
}

// listers are all, in the order in which they are asked. It is no variable, so that a program that only links the package holds no
// service's client.
func listers() []lister { return slices.Concat(wide(), regional()) }

// wide are those that tell of all regions at once, regional the others.
func wide() []lister { return []lister{buckets()} }

func regional() []lister {
	return slices.Concat([]lister{tagged()}, elastic(), databases(), computing(), others())
}

// Actions lists the actions of IAM that collecting resources needs.
func Actions() []string {
	all := []string{"ec2:DescribeRegions"}
	for _, l := range listers() {
		all = append(all, l.actions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tagsOf makes a map of a service's list of tags; not nil.
func tagsOf[T any](all []T, pair func(T) (key, value *string)) map[string]string {
	tags := make(map[string]string, len(all))
	for _, t := range all {
		k, v := pair(t)
		tags[aws.ToString(k)] = aws.ToString(v)
	}
	return tags
}

// gib writes a size.
func gib(n *int32) string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("%d GiB", *n)
}

// milliseconds reads a time of Unix; zero where there is none.
func milliseconds(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.UnixMilli(*n)
}

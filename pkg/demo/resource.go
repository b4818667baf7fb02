package demo

import (
	"fmt"
	"maps"
	"strings"
	"time"

	resources "github.com/tenantry/tenantry/pkg/resource"
)

// paths are what follows arn:aws: in the ARN of a kind of resource.
var paths = map[string]string{
	"instance": "ec2:{region}:{account}:instance/{name}", "volume": "ec2:{region}:{account}:volume/{name}", "natgateway": "ec2:{region}:{account}:natgateway/{name}",
	"db": "rds:{region}:{account}:db:{name}", "function": "lambda:{region}:{account}:function:{name}", "queue": "sqs:{region}:{account}:{name}", "bucket": "s3:::{name}",
	"distribution": "cloudfront::{account}:distribution/{name}",
}

// arn is the resource's in an account.
func (x *resource) arn(account string) string {
	return strings.NewReplacer("{region}", x.region, "{account}", account, "{name}", x.name).Replace("arn:aws:" + paths[x.offer.kind])
}

// states are what services call a resource that is in use.
var states = map[string]string{"instance": "running", "volume": "in-use", "natgateway": "available", "db": "available", "function": "Active", "distribution": "Deployed"}

// Resources gives what is in the organization's AWS accounts, by account: all that its costs name. The others of its providers are
// not collected from.
func (o *Organization) Resources(made time.Time) map[string][]resources.Sighting {
	all := map[string][]resources.Sighting{}
	for _, p := range o.payers {
		if p.provider != "AWS" {
			continue
		}
		for _, a := range p.accounts {
			for i := range a.resources {
				x := &a.resources[i]
				s := resources.Sighting{ARN: x.arn(a.id), Region: x.region, Name: x.name, State: states[x.offer.kind], CreatedAt: made, Tags: maps.Clone(x.tags())}
				if _, class, ok := strings.Cut(x.offer.meter, ":"); ok && x.offer.kind != "volume" {
					s.Class = class
				}
				if x.offer.kind == "volume" {
					s.Class = fmt.Sprintf("gp3 %d GiB", x.size*30)
					if x.environment == "" {
						s.State = "available" // nobody uses it
					}
				}
				all[a.id] = append(all[a.id], s)
			}
		}
	}
	return all
}

// Package resource keeps what there is in customers' AWS accounts: instances, volumes, databases, buckets and whatever else has an
// ARN, as it was seen last, by project. It is kept compactly, as snapshots of an account, so that thousands are listed and
// filtered for the price of reading a few items.
package resource

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// Resource is one resource of an account. Times are whole seconds of UTC.
type Resource struct {
	ID          tenant.ResourceID `json:"id" doc:"res_ and 26 characters, of the ARN."`
	ARN         string            `json:"arn"`
	Type        string            `json:"type" doc:"As the Resource Groups Tagging API and Resource Explorer name types: ec2:instance, rds:db, elasticloadbalancing:loadbalancer/app."`
	Region      string            `json:"region" doc:"global for what is in none."`
	AccountID   string            `json:"accountId"`
	ProjectID   tenant.ProjectID  `json:"projectId" doc:"By the projects' rules when the account was last collected."`
	Name        string            `json:"name" doc:"What the service calls its name, else the tag Name, else the end of the ARN."`
	State       string            `json:"state,omitempty" doc:"In the service's own words: running, available, in-use."`
	Class       string            `json:"class,omitempty" doc:"Its class or size in the service's own words: m6i.xlarge, gp3 100 GiB."`
	Tags        map[string]string `json:"tags"`
	CreatedAt   time.Time         `json:"createdAt,omitzero" doc:"As the service says; absent where it does not."`
	FirstSeenAt time.Time         `json:"firstSeenAt" doc:"When it was first collected."`
	LastSeenAt  time.Time         `json:"lastSeenAt" doc:"When it was last seen. A region or service that could not be read leaves its resources as they were."`
	GoneAt      time.Time         `json:"goneAt,omitzero" doc:"When it was first no longer there."`
}

// Keep is for how long a resource is kept that nobody has seen any more.
const Keep = 90 * 24 * time.Hour

// over tells whether a resource is no longer kept.
func (r *Resource) over(now time.Time) bool {
	last := r.LastSeenAt
	if r.GoneAt.After(last) {
		last = r.GoneAt
	}
	return now.Sub(last) > Keep
}

// Global is the region of what is in none.
const Global = "global"

// Sighting is a resource as AWS has just told of it.
type Sighting struct {
	_         struct{} `cbor:",toarray"`
	ARN       string
	Region    string // "" for that of the ARN
	Name      string // "" for the tag Name, else the end of the ARN
	State     string
	Class     string
	CreatedAt time.Time         // zero where that is not told
	Tags      map[string]string // nil where they are not told
	Aside     bool              // from a list of all that has tags: where there is a list of its type, that one says whether it is there
}

// arn is an Amazon Resource Name: arn:partition:service:region:account:resource.
type arn struct{ service, region, account, resource string }

func parseARN(s string) (a arn, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] == "" || parts[5] == "" {
		return arn{}, false
	}
	return arn{parts[2], parts[3], parts[4], parts[5]}, true
}

// bare are the types of services whose ARNs name no type.
var bare = map[string]string{"s3": "bucket", "sqs": "queue", "sns": "topic"}

// kind is the type, as ec2:instance.
func (a arn) kind() string {
	path := strings.TrimPrefix(a.resource, "/")
	end := strings.IndexAny(path, "/:")
	if end < 0 {
		if only := bare[a.service]; only != "" {
			return a.service + ":" + only
		}
		return a.service + ":" + path
	}
	kind := path[:end]
	if a.service == "elasticloadbalancing" && kind == "loadbalancer" {
		for _, of := range []string{"app", "net", "gwy"} { // the others are of the first generation
			if strings.HasPrefix(path[end+1:], of+"/") {
				kind += "/" + of
			}
		}
	}
	return a.service + ":" + kind
}

// end is the last part of the name.
func (a arn) end() string {
	return a.resource[strings.LastIndexAny(a.resource, "/:")+1:]
}

// split cuts an ARN behind its type.
func split(s string) (head, rest string) {
	at := 0
	for range 5 {
		next := strings.IndexByte(s[at:], ':')
		if next < 0 {
			return "", s
		}
		at += next + 1
	}
	if end := strings.IndexAny(s[at:], "/:"); end >= 0 {
		at += end + 1
	}
	return s[:at], s[at:]
}

// Type gives the type that the resource of an ARN has, "" where it is none.
func Type(s string) string {
	a, ok := parseARN(s)
	if !ok {
		return ""
	}
	return a.kind()
}

// resource makes what is kept of a sighting in an account; false where its ARN is none. What has no account in its ARN, as
// snapshots have not everywhere, gets this one's, so that it has one ARN.
func (s *Sighting) resource(account string) (Resource, bool) {
	name := s.ARN
	a, ok := parseARN(name)
	if !ok {
		return Resource{}, false
	}
	if a.service == "ec2" && a.account == "" {
		name = strings.Replace(name, "::", ":"+account+":", 1)
	}
	r := Resource{ARN: name, Type: a.kind(), Region: s.Region, AccountID: account, Name: s.Name, State: s.State,
		Class: s.Class, Tags: s.Tags, CreatedAt: s.CreatedAt.UTC().Truncate(time.Second)}
	if s.CreatedAt.Unix() <= 0 {
		r.CreatedAt = time.Time{}
	}
	if r.Region == "" {
		r.Region = a.region
	}
	if r.Region == "" {
		r.Region = Global
	}
	if r.Name == "" {
		r.Name = r.Tags["Name"]
	}
	return r, true
}

// Bounds of what is kept of a sighting, in characters: those of AWS, or more.
// https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
const (
	maxARN      = 2048 // bytes
	maxText     = 512  // of a name, state, class or region
	maxTags     = 100  // an owner gives at most 50; the others are AWS's own
	maxTagKey   = 128
	maxTagValue = 256
)

// clean makes text of all that the sighting tells: UTF-8, without the NUL that cursors put between texts, and cut to the bounds. Of
// too many tags the first by key stay.
func (s *Sighting) clean() {
	s.ARN = clean(s.ARN)
	for _, text := range []*string{&s.Region, &s.Name, &s.State, &s.Class} {
		*text = cut(clean(*text), maxText)
	}
	if s.Tags == nil {
		return
	}
	keys := slices.Sorted(maps.Keys(s.Tags))
	tags := make(map[string]string, min(len(keys), maxTags))
	for _, k := range keys[:min(len(keys), maxTags)] {
		tags[cut(clean(k), maxTagKey)] = cut(clean(s.Tags[k]), maxTagValue)
	}
	s.Tags = tags
}

func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// cut gives the first n characters.
func cut(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// called gives the resource the end of its ARN as its name where nobody has said another.
func (r *Resource) called() {
	if a, ok := parseARN(r.ARN); ok && r.Name == "" {
		r.Name = a.end()
	}
}

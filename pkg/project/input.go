package project

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

// Limits of a project.
const (
	MaxName     = 100
	MaxLabels   = 50
	MaxAccounts = 1000
	MaxTags     = 5
	MaxRegions  = 50
)

// New is what a caller says of a new project.
type New struct {
	Name        string            `json:"name" minLength:"1" doc:"1 to 100 characters, blanks around them not counted; unlike that of any other project that is not archived."`
	Environment string            `json:"environment" enum:"production,staging,development,test,sandbox,shared,other"`
	Labels      map[string]string `json:"labels,omitempty" maxProperties:"50" doc:"Of your own choice: keys of 1 to 63 characters, values of up to 255."`
	AccountIDs  []string          `json:"accountIds,omitempty" maxItems:"1000" doc:"The sub-accounts whose lines are the project's, each once, 1 to 256 characters."`
	TagSelector Selector          `json:"tagSelector,omitempty"`
	Regions     []string          `json:"regions,omitempty" maxItems:"50" doc:"Where resources are looked for."`
}

// Patch is what a caller changes of a project; nil leaves it as it is.
type Patch struct {
	Name        *string            `json:"name,omitempty" minLength:"1"`
	Environment *string            `json:"environment,omitempty" enum:"production,staging,development,test,sandbox,shared,other"`
	Labels      *map[string]string `json:"labels,omitempty" maxProperties:"50" doc:"Replaces all labels."`
	AccountIDs  *[]string          `json:"accountIds,omitempty" maxItems:"1000" doc:"Replaces all accounts."`
	TagSelector *Selector          `json:"tagSelector,omitempty"`
	Regions     *[]string          `json:"regions,omitempty" maxItems:"50" doc:"Replaces all regions."`
	Archived    *bool              `json:"archived,omitempty"`
}

// Selector is tags that a line must all have. As JSON it is an object, or "key=value" for one of a single tag.
type Selector map[string]string

// Schema says so to huma.
func (Selector) Schema(huma.Registry) *huma.Schema {
	most := MaxTags
	return &huma.Schema{
		Description: "Only lines with all of these tags are the project's: an object of up to 5 tags, or \"key=value\" for one.",
		OneOf: []*huma.Schema{
			{Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString}, MaxProperties: &most},
			{Type: huma.TypeString, Pattern: "^[^=]+=.+$"},
		},
	}
}

// UnmarshalJSON reads either form.
func (s *Selector) UnmarshalJSON(b []byte) error {
	var pair string
	if string(b) == "null" {
		return nil
	}
	if json.Unmarshal(b, &pair) == nil {
		key, value, _ := strings.Cut(pair, "=")
		*s = Selector{key: value}
		return nil
	}
	return json.Unmarshal(b, (*map[string]string)(s))
}

// project gives the project that a caller describes.
func (n New) project() (Project, error) {
	return Patch{Name: &n.Name, Environment: &n.Environment, Labels: &n.Labels, AccountIDs: &n.AccountIDs,
		TagSelector: &n.TagSelector, Regions: &n.Regions}.apply(Project{})
}

// apply gives p with what the patch says, checked.
func (c Patch) apply(p Project) (Project, error) {
	bad := fault.New(fault.Invalid, "The project is not acceptable; errors says where.")
	if c.Name != nil {
		name, err := route.Line("body.name", *c.Name, MaxName)
		if err != nil {
			return p, err
		}
		p.Name = name
	}
	if c.Environment != nil {
		p.Environment = *c.Environment
	}
	if c.Labels != nil {
		checkPairs(bad, "body.labels", *c.Labels, MaxLabels, 63, 0, 255)
		p.Labels = nonEmpty(*c.Labels)
	}
	if c.AccountIDs != nil {
		checkList(bad, "body.accountIds", *c.AccountIDs, MaxAccounts, 256)
		p.AccountIDs = slices.Clip(append([]string(nil), *c.AccountIDs...))
	}
	if c.TagSelector != nil {
		checkPairs(bad, "body.tagSelector", *c.TagSelector, MaxTags, 128, 1, 256)
		p.TagSelector = nonEmpty(*c.TagSelector)
	}
	if c.Regions != nil {
		checkList(bad, "body.regions", *c.Regions, MaxRegions, 64)
		p.Regions = append([]string(nil), *c.Regions...)
	}
	if c.Archived != nil {
		p.Archived = *c.Archived
	}
	if len(bad.Details) > 0 {
		return p, bad
	}
	return p, nil
}

// checkPairs notes keys and values that are not of their lengths, 1 to maxKey and min to maxValue characters.
func checkPairs(bad *fault.Error, at string, pairs map[string]string, most, maxKey, min, maxValue int) {
	if len(pairs) > most {
		bad.At(at, "holds too many", "")
	}
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		if !fits(k, 1, maxKey) {
			bad.At(at, "a key is empty, too long, has blanks around it or holds control characters", k)
		}
		if !fits(pairs[k], min, maxValue) {
			bad.At(at+"."+k, "is empty, too long, has blanks around it or holds control characters", pairs[k])
		}
	}
}

// checkList notes items that are not of 1 to max characters, or there twice.
func checkList(bad *fault.Error, at string, list []string, most, max int) {
	if len(list) > most {
		bad.At(at, "holds too many", "")
	}
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		switch {
		case !fits(s, 1, max):
			bad.At(at, "an item is empty, too long, has blanks around it or holds control characters", s)
		case seen[s]:
			bad.At(at, "an item is there twice", s)
		}
		seen[s] = true
	}
}

func fits(s string, min, max int) bool {
	n := utf8.RuneCountInString(s)
	return n >= min && n <= max && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl)
}

func nonEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}

// equal tells whether two projects say the same, apart from when they were written.
func equal(a, b Project) bool {
	return a.Name == b.Name && a.Environment == b.Environment && a.Archived == b.Archived && maps.Equal(a.Labels, b.Labels) &&
		slices.Equal(a.Regions, b.Regions) && sameRules(a, b)
}

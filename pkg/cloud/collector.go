package cloud

import (
	"crypto/rand"
	"time"

	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/collect/aws/inventory"
)

// collectors are those of all kinds, in customers' accounts.
func (a clients) collectors() (map[collect.Kind]collect.Collector, error) {
	accounts, err := collectaws.NewAccounts(a.load, collectaws.Options{})
	if err != nil {
		return nil, err
	}
	return map[collect.Kind]collect.Collector{
		collect.Resources: &inventory.Collector{Config: accounts.Config, Clock: time.Now, Random: rand.Reader},
	}, nil
}

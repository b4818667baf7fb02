package demo

import "fmt"

// Organization is a tenant of the demo.
type Organization struct {
	Name     string
	Subject  string // of its owner at the local issuer
	Email    string
	TagKeys  []string // to be kept
	Projects []Project
	payers   []payer
}

// Project is a project of a demo's tenant. What its accounts do not hold is unassigned.
type Project struct {
	Name        string            `json:"name"`
	Environment string            `json:"environment"`
	Labels      map[string]string `json:"labels"`
	AccountIDs  []string          `json:"accountIds"`
}

// payer is a billing account of a provider.
type payer struct {
	provider, issuer    string
	id, name, kind      string
	currency            string
	taxPercent          int64
	credit              int64 // a month, in 1e-10 of the currency
	support, monitoring int64 // fees a month, in 1e-10
	accounts            []account
	plan                *commitment // on compute of accounts[0]
	reservation         *commitment // of accounts[0]'s database
}

// account is a sub-account. The last of a payer bears what is charged to no other; it may be nameless.
type account struct {
	id, name  string
	resources []resource
}

// resource is used every day.
type resource struct {
	offer             *offer
	name, region      string
	size              int64  // units of the offer on a usual day
	environment, team string // tags; "" for none
}

// commitment is a savings plan, paid day by day, or a reservation, paid for a year at once.
type commitment struct {
	id, name, kind, category string
	fee                      int64 // a day of a plan, a term of a reservation; in 1e-10
	percent                  int64 // of the list price that use under a plan costs
}

// termDays is how long a reservation lasts.
const termDays = 365

func (x *resource) id(l *line) string {
	switch l.payer.provider {
	case "AWS":
		return x.arn(l.account.id)
	case "Microsoft":
		return fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/%s/%s", l.account.id, l.account.name, x.offer.kind, x.name)
	}
	return fmt.Sprintf("%s/%s/%s/%s", l.account.id, x.region, x.offer.kind, x.name)
}

func (x *resource) tags() map[string]string {
	tags := map[string]string{}
	if x.environment != "" {
		tags["environment"] = x.environment
	}
	if x.team != "" {
		tags["team"] = x.team
	}
	return tags
}

const unit = 10_000_000_000 // of a currency, in 1e-10

// ABC is alice's organization: two providers in US dollars, a savings plan, a reservation, and an account that belongs to
// no project.
func ABC() *Organization {
	return &Organization{
		Name: "ABC", Subject: "alice", Email: "alice@abc.example", TagKeys: []string{"environment", "team"},
		Projects: []Project{
			{"web", "production", map[string]string{"product": "web"}, []string{"210000000001"}},
			{"web staging", "staging", map[string]string{"product": "web"}, []string{"210000000002"}},
			{"data", "production", map[string]string{"product": "data"}, []string{"210000000003", "abc-analytics"}},
			{"shared", "shared", map[string]string{"product": "platform"}, []string{"210000000004"}},
		},
		payers: []payer{abcAWS(), abcGoogle()},
	}
}

func abcAWS() payer {
	return payer{
		provider: "AWS", issuer: "Amazon Web Services, Inc.", id: "200000000000", name: "ABC Corporation", kind: "Management",
		currency: "USD", taxPercent: 8, credit: 40 * unit, support: 100 * unit, monitoring: 75 * unit,
		plan: &commitment{"arn:aws:savingsplans::200000000000:savingsplan/5e1f0a7c", "Compute Savings Plan", "Compute Savings Plans",
			"Spend", 26 * unit, 72},
		reservation: &commitment{"arn:aws:rds:us-east-1:210000000001:ri:web-db", "db.r6g.large, all upfront", "Standard Reserved Instances",
			"Usage", 1_278 * unit, 0},
		accounts: []account{
			{"210000000001", "abc-web-production", []resource{
				{&compute, "web-fleet-a", "us-east-1", 24 * 5, "production", "storefront"},
				{&compute, "web-fleet-b", "us-west-2", 24 * 4, "production", "storefront"},
				{&database, "web-db", "us-east-1", 24, "production", "storefront"},
				{&transfer, "web-cdn", "global", 310, "production", "storefront"},
				{&objects, "web-assets", "us-east-1", 140, "production", ""},
				{&messages, "web-orders", "us-east-1", 4_000_000, "production", "checkout"},
			}},
			{"210000000002", "abc-web-staging", []resource{
				{&compute, "staging-fleet", "us-east-1", 24 * 2, "staging", "storefront"},
				{&volumes, "staging-disk", "us-east-1", 17, "staging", "storefront"},
			}},
			{"210000000003", "abc-data-production", []resource{
				{&batch, "etl-workers", "us-east-1", 24 * 3, "production", "data"},
				{&functions, "events-ingest", "us-east-1", 480_000, "production", "data"},
				{&objects, "data-lake", "us-east-1", 620, "production", "data"},
			}},
			{"210000000005", "abc-sandbox", []resource{
				{&compute, "experiment", "eu-central-1", 24, "", "research"},
				{&volumes, "forgotten-disk", "eu-central-1", 33, "", ""},
			}},
			{"210000000004", "abc-shared", []resource{
				{&gateway, "egress", "us-east-1", 24 * 3, "shared", "platform"},
				{&objects, "audit-logs", "us-east-1", 90, "shared", "platform"},
			}},
		},
	}
}

func abcGoogle() payer {
	return payer{
		provider: "Google Cloud", issuer: "Google LLC", id: "01A2B3-C4D5E6-F7A8B9", name: "ABC Corporation", kind: "Billing Account",
		currency: "USD", taxPercent: 8,
		accounts: []account{
			{"abc-analytics", "abc-analytics", []resource{{&warehouse, "reports", "us-central1", 3, "production", "data"}}},
		},
	}
}

// Globex is bob's organization: euros, and one provider who bills in pounds.
func Globex() *Organization {
	const shop, lab = "7d9c6b1e-0000-4000-8000-000000000001", "7d9c6b1e-0000-4000-8000-000000000002"
	return &Organization{
		Name: "Globex", Subject: "bob", Email: "bob@globex.example", TagKeys: []string{"environment", "team"},
		Projects: []Project{
			{"shop", "production", map[string]string{"product": "shop"}, []string{shop}},
			{"lab", "development", map[string]string{"product": "lab"}, []string{lab, "globex-lab"}},
		},
		payers: []payer{{
			provider: "Microsoft", issuer: "Microsoft Ireland Operations Limited", id: "88001234", name: "Globex GmbH",
			kind: "Enterprise Agreement", currency: "EUR", taxPercent: 19, credit: 15 * unit,
			plan: &commitment{"/providers/Microsoft.BillingBenefits/savingsPlanOrders/9b1c44d0", "Savings plan for compute", "Savings plan",
				"Spend", 9 * unit, 70},
			accounts: []account{
				{shop, "globex-shop", []resource{
					{&machines, "shop-web", "westeurope", 24 * 4, "production", "commerce"},
					{&sqlServer, "shop-db", "westeurope", 24 * 2, "production", "commerce"},
					{&blobs, "shopmedia", "westeurope", 260, "production", ""},
					{&bandwidth, "shop-ip", "westeurope", 120, "production", "commerce"},
				}},
				{lab, "globex-lab", []resource{
					{&machines, "lab-bench", "germanywestcentral", 24 * 2, "development", "research"},
					{&models, "lab-assistant", "germanywestcentral", 2, "development", "research"},
				}},
				{},
			},
		}, {
			provider: "Oracle", issuer: "Oracle Corporation UK Ltd", id: "ocid1.tenancy.oc1..globex", name: "Globex Ltd", kind: "Tenancy",
			currency: "GBP", taxPercent: 20,
			accounts: []account{
				{"globex-lab", "globex-lab", []resource{{&autonomous, "lab-archive", "uk-london-1", 24, "development", "research"}}},
			},
		}},
	}
}

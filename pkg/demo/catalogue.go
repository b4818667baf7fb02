package demo

import (
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// offer is what a provider sells under one SKU.
type offer struct {
	category, subcategory, service string
	sku, meter, unit, kind         string // kind is the ResourceType
	price                          int64  // list, in 1e-8 of a currency
	off                            int64  // percent that the contract takes off the list price
	pace                           pace
}

// contracted is the price after the contract's discount, in 1e-8.
func (o *offer) contracted() int64 { return o.price * (100 - o.off) / 100 }

// pace is how use changes from day to day.
type pace int

const (
	steady pace = iota
	office      // a fourth at weekends
	lively      // 70 to 130 percent
	rising      // through each year
)

// permille is how much of its usual use an offer sees on a day.
func (p pace) permille(g *generator, what string, d calendar.Day) int64 {
	switch p {
	case office:
		if w := d.Time().Weekday(); w == time.Saturday || w == time.Sunday {
			return 250
		}
	case lively:
		return 700 + g.dice(what, d, 601)
	case rising:
		return 800 + int64(d.Time().YearDay()) + g.dice(what, d, 40)
	}
	return 1000
}

var (
	compute     = offer{"Compute", "Virtual Machines", "Amazon Elastic Compute Cloud", "M6IL000000000001", "BoxUsage:m6i.xlarge", "Hours", "instance", 19_200_000, 5, office}
	batch       = offer{"Compute", "Virtual Machines", "Amazon Elastic Compute Cloud", "C7GL000000000002", "BoxUsage:c7g.2xlarge", "Hours", "instance", 28_900_000, 5, lively}
	functions   = offer{"Compute", "Serverless Compute", "AWS Lambda", "LAMB000000000003", "Lambda-GB-Second", "GB-Seconds", "function", 1_667, 0, lively}
	database    = offer{"Databases", "Relational Databases", "Amazon Relational Database Service", "RDSP000000000004", "InstanceUsage:db.r6g.large", "Hours", "db", 22_500_000, 0, steady}
	objects     = offer{"Storage", "Object Storage", "Amazon Simple Storage Service", "S3ST000000000005", "TimedStorage-ByteHrs", "GB-Mo", "bucket", 2_300_000, 0, rising}
	volumes     = offer{"Storage", "Block Storage", "Amazon Elastic Block Store", "EBSG000000000006", "EBS:VolumeUsage.gp3", "GB-Mo", "volume", 8_000_000, 0, steady}
	transfer    = offer{"Networking", "Content Delivery", "Amazon CloudFront", "CFTR000000000007", "DataTransfer-Out-Bytes", "GB", "distribution", 8_500_000, 10, lively}
	gateway     = offer{"Networking", "Network Connectivity", "Amazon Virtual Private Cloud", "VPCN000000000008", "NatGateway-Hours", "Hours", "natgateway", 4_500_000, 0, steady}
	messages    = offer{"Integration", "Messaging", "Amazon Simple Queue Service", "SQSR000000000009", "Requests-Tier1", "Requests", "queue", 40, 0, lively}
	support     = offer{"Management and Governance", "Support", "AWS Support (Business)", "SUPP000000000010", "Dollar", "Months", "", 0, 0, steady}
	marketplace = offer{"Management and Governance", "Observability", "Northwind Monitoring", "MKTP000000000011", "Hosts", "Hosts", "", 0, 0, steady}
	warehouse   = offer{"Analytics", "Data Warehouses", "BigQuery", "BQAN-0012-A1B2", "Analysis", "TiB", "dataset", 625_000_000, 8, office}

	machines   = offer{"Compute", "Virtual Machines", "Virtual Machines", "DZH318Z0BQ4B-00CP", "D4s v5", "Hours", "Microsoft.Compute/virtualMachines", 20_800_000, 12, office}
	sqlServer  = offer{"Databases", "Relational Databases", "Azure SQL Database", "DZH318Z0BQ4H-00TX", "vCore", "Hours", "Microsoft.Sql/servers", 44_700_000, 12, steady}
	blobs      = offer{"Storage", "Object Storage", "Azure Blob Storage", "DZH318Z0BNVX-00MF", "Hot LRS Data Stored", "GB/Month", "Microsoft.Storage/storageAccounts", 1_840_000, 12, rising}
	bandwidth  = offer{"Networking", "Content Delivery", "Bandwidth", "DZH318Z0BP88-0052", "Standard Data Transfer Out", "GB", "Microsoft.Network/publicIPAddresses", 8_000_000, 12, lively}
	models     = offer{"AI and Machine Learning", "Generative AI", "Azure OpenAI", "DZH318Z0FR0S-0037", "GPT Output Tokens", "1M Tokens", "Microsoft.CognitiveServices/accounts", 1_000_000_000, 0, lively}
	autonomous = offer{"Databases", "Relational Databases", "Autonomous Database", "B95702", "ECPU Per Hour", "Hours", "autonomousdatabase", 33_600_000, 0, office}
)

// regions gives the names of those that are used.
var regions = map[string]string{
	"us-east-1": "US East (N. Virginia)", "us-west-2": "US West (Oregon)", "eu-central-1": "EU (Frankfurt)", "global": "Global",
	"us-central1": "Iowa", "westeurope": "West Europe", "germanywestcentral": "Germany West Central", "uk-london-1": "UK South (London)",
}

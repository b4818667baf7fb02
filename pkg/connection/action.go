package connection

// Action is one action of IAM that the role allows, and why. What is not in Actions the role does not allow: template, setup,
// docs/connect.md and the tests are made of this list.
type Action struct {
	Name   string `json:"name" doc:"As in IAM."`
	Use    Use    `json:"use" enum:"costs,exports,resources,metrics" doc:"What it is for."`
	Reason string `json:"reason" doc:"What is done with it."`
	On     string `json:"on" doc:"What it is allowed on, and why that is not less."`
}

// Use is what an action is for.
type Use string

// The uses.
const (
	Costs     Use = "costs"
	Exports   Use = "exports" // only where a bucket is named
	Resources Use = "resources"
	Metrics   Use = "metrics"
)

// What actions are allowed on. AWS demands the resource * of most that list things.
const (
	whole  = "*: AWS knows no resource for this action, and demands *."
	every  = "*: every one of the account is read, and which there are is not known before."
	bucket = "The bucket that you name, and no other."
	object = "What lies in the bucket that you name: /* after its name, since files have names that AWS gives them."
)

// Actions lists all actions that the role allows, by use.
func Actions() []Action {
	return []Action{
		{"ce:GetCostAndUsage", Costs, "Asks Cost Explorer for costs by day, service, region, usage type and tag. AWS bills you $0.01 for each page.", whole},

		{"s3:ListBucket", Exports, "Finds the files of data exports.", bucket},
		{"s3:GetObject", Exports, "Reads the files of data exports.", object},

		{"tag:GetResources", Resources, "Lists everything that can have tags, with its tags.", whole},
		{"ec2:DescribeRegions", Resources, "Tells which regions the account has enabled.", whole},
		{"ec2:DescribeInstances", Resources, "Lists instances: state, type, when they were launched.", whole},
		{"ec2:DescribeVolumes", Resources, "Lists EBS volumes: size, type, whether they are attached.", whole},
		{"ec2:DescribeSnapshots", Resources, "Lists the account's own snapshots: size and age.", whole},
		{"ec2:DescribeAddresses", Resources, "Lists Elastic IPs, and whether they are used.", whole},
		{"ec2:DescribeNatGateways", Resources, "Lists NAT gateways and their state.", whole},
		{"elasticloadbalancing:DescribeLoadBalancers", Resources, "Lists load balancers: type and state.", whole},
		{"rds:DescribeDBInstances", Resources, "Lists databases: class, engine, storage, state.", every},
		{"rds:DescribeDBClusters", Resources, "Lists Aurora clusters: engine and state.", every},
		{"lambda:ListFunctions", Resources, "Lists functions: memory, runtime, size.", whole},
		{"s3:ListAllMyBuckets", Resources, "Lists buckets, by name and age. What lies in them is not read.", whole},
		{"s3:GetBucketLocation", Resources, "Tells the region of a bucket.", every},
		{"dynamodb:ListTables", Resources, "Lists tables.", whole},
		{"dynamodb:DescribeTable", Resources, "Tells a table's capacity, size and state. Items are not read.", every},
		{"ecs:ListClusters", Resources, "Lists ECS clusters.", whole},
		{"ecs:DescribeClusters", Resources, "Tells the state of ECS clusters and how many tasks run.", every},
		{"ecs:ListServices", Resources, "Lists the services of ECS clusters.", every},
		{"ecs:DescribeServices", Resources, "Tells how many tasks an ECS service wants and has.", every},
		{"eks:ListClusters", Resources, "Lists EKS clusters.", whole},
		{"eks:DescribeCluster", Resources, "Tells the version and state of an EKS cluster.", every},
		{"logs:DescribeLogGroups", Resources, "Lists log groups: size and retention. Logs are not read.", every},

		{"cloudwatch:GetMetricData", Metrics, "Reads what resources use: CPU, network, connections, invocations. AWS bills you $0.01 for 1,000 metrics.", whole},
	}
}

// uses lists the uses in the order of Actions, with the Sid of each one's statement.
var uses = []struct {
	use Use
	sid string
}{{Costs, "Costs"}, {Resources, "Resources"}, {Metrics, "Metrics"}}

func actionsFor(use Use) (names []string) {
	for _, a := range Actions() {
		if a.Use == use {
			names = append(names, a.Name)
		}
	}
	return names
}

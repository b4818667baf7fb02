package metric

import (
	"maps"
	"slices"
	"strings"
)

// Measure is a metric that a type of resource has in CloudWatch.
type Measure struct {
	Name, Unit string // as CloudWatch calls them
	Statistics []string
	Dimensions map[string]string // besides those of the resource
}

// Measured is where the metrics of a type of resource are in CloudWatch.
type Measured struct {
	Namespace  string
	Prefix     string   // of the last part of the ARN, before the values of the dimensions
	Dimensions []string // several have a part of what follows each, parted by /
	Measures   []Measure
}

// Dimension is a name and a value that CloudWatch knows a metric's resource by.
type Dimension struct{ Name, Value string }

// The statistics of a metric whose samples are measurements, those of one whose samples count one event each, so that their average
// and percentiles say nothing, and that of one which is told once a day.
var (
	level = []string{"Average", "Maximum", "p99"}
	count = []string{"Sum"}
	daily = []string{"Average"}
)

func gauge(unit string, names ...string) []Measure   { return measures(unit, level, names) }
func counter(unit string, names ...string) []Measure { return measures(unit, count, names) }

func measures(unit string, statistics, names []string) (all []Measure) {
	for _, n := range names {
		all = append(all, Measure{Name: n, Unit: unit, Statistics: statistics})
	}
	return all
}

func stored(name, unit, class string) Measure {
	return Measure{Name: name, Unit: unit, Statistics: daily, Dimensions: map[string]string{"StorageType": class}}
}

// catalogue has every type of resource whose metrics are collected, as the services document them:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
var catalogue = map[string]Measured{
	"ec2:instance": {"AWS/EC2", "instance/", []string{"InstanceId"}, slices.Concat(gauge("Percent", "CPUUtilization"),
		gauge("Bytes", "NetworkIn", "NetworkOut", "EBSReadBytes", "EBSWriteBytes"))},
	"ec2:volume": {"AWS/EBS", "volume/", []string{"VolumeId"}, slices.Concat(gauge("Bytes", "VolumeReadBytes", "VolumeWriteBytes"),
		counter("Count", "VolumeReadOps", "VolumeWriteOps"), gauge("Count", "VolumeQueueLength"))},
	"ec2:natgateway": {"AWS/NATGateway", "natgateway/", []string{"NatGatewayId"}, slices.Concat(gauge("Bytes", "BytesInFromSource", "BytesOutToDestination"),
		gauge("Count", "ActiveConnectionCount"), counter("Count", "ErrorPortAllocation"))},
	"rds:db": {"AWS/RDS", "db:", []string{"DBInstanceIdentifier"}, slices.Concat(gauge("Percent", "CPUUtilization"), gauge("Count", "DatabaseConnections"),
		gauge("Bytes", "FreeStorageSpace", "FreeableMemory"), gauge("Count/Second", "ReadIOPS", "WriteIOPS"),
		gauge("Bytes/Second", "NetworkReceiveThroughput", "NetworkTransmitThroughput"))},
	"rds:cluster": {"AWS/RDS", "cluster:", []string{"DBClusterIdentifier"}, slices.Concat(gauge("Percent", "CPUUtilization"), gauge("Count", "DatabaseConnections"),
		gauge("Bytes", "VolumeBytesUsed"))},
	"lambda:function": {"AWS/Lambda", "function:", []string{"FunctionName"}, slices.Concat(counter("Count", "Invocations", "Errors", "Throttles"),
		gauge("Milliseconds", "Duration"), gauge("Count", "ConcurrentExecutions"))},
	"dynamodb:table": {"AWS/DynamoDB", "table/", []string{"TableName"}, counter("Count", "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")},
	"s3:bucket": {"AWS/S3", "", []string{"BucketName"}, []Measure{stored("BucketSizeBytes", "Bytes", "StandardStorage"),
		stored("NumberOfObjects", "Count", "AllStorageTypes")}},
	"ecs:service": {"AWS/ECS", "service/", []string{"ClusterName", "ServiceName"}, gauge("Percent", "CPUUtilization", "MemoryUtilization")},
	"elasticloadbalancing:loadbalancer/app": {"AWS/ApplicationELB", "loadbalancer/", []string{"LoadBalancer"}, slices.Concat(
		counter("Count", "RequestCount", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"), gauge("Seconds", "TargetResponseTime"),
		counter("Count", "ActiveConnectionCount"), counter("Bytes", "ProcessedBytes"))},
	"elasticloadbalancing:loadbalancer/net": {"AWS/NetworkELB", "loadbalancer/", []string{"LoadBalancer"}, slices.Concat(gauge("Count", "ActiveFlowCount"),
		counter("Count", "NewFlowCount", "TCP_Target_Reset_Count"), counter("Bytes", "ProcessedBytes"))},
	"elasticloadbalancing:loadbalancer/gwy": {"AWS/GatewayELB", "loadbalancer/", []string{"LoadBalancer"}, slices.Concat(gauge("Count", "ActiveFlowCount"),
		counter("Bytes", "ProcessedBytes"))},
	"elasticloadbalancing:loadbalancer": {"AWS/ELB", "loadbalancer/", []string{"LoadBalancerName"}, slices.Concat(
		counter("Count", "RequestCount", "HTTPCode_ELB_5XX", "HTTPCode_Backend_5XX"), gauge("Seconds", "Latency"))},
	"logs:log-group": {"AWS/Logs", "log-group:", []string{"LogGroupName"}, counter("Bytes", "IncomingBytes")},
	"sqs:queue": {"AWS/SQS", "", []string{"QueueName"}, slices.Concat(counter("Count", "NumberOfMessagesSent", "NumberOfMessagesReceived"),
		gauge("Seconds", "ApproximateAgeOfOldestMessage"))},
	"sns:topic": {"AWS/SNS", "", []string{"TopicName"}, counter("Count", "NumberOfMessagesPublished", "NumberOfNotificationsFailed")},
}

// Types lists the types of resources whose metrics are collected.
func Types() []string { return slices.Sorted(maps.Keys(catalogue)) }

// Names lists the metrics that are collected, of whatever type, as CloudWatch calls them.
func Names() (all []string) {
	for _, m := range catalogue {
		for i := range m.Measures {
			all = append(all, m.Measures[i].Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Of gives where the metrics of a type are; false where none are collected.
func Of(kind string) (Measured, bool) {
	m, ok := catalogue[kind]
	return m, ok
}

// DimensionsOf gives the dimensions that a resource is known by; false where its ARN does not tell them.
func (m *Measured) DimensionsOf(arn string) ([]Dimension, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return nil, false
	}
	rest, ok := strings.CutPrefix(parts[5], m.Prefix)
	if !ok || rest == "" {
		return nil, false
	}
	values := []string{rest}
	if len(m.Dimensions) > 1 {
		values = strings.Split(rest, "/")
	}
	if len(values) != len(m.Dimensions) || slices.Contains(values, "") {
		return nil, false // a service of ECS has no cluster in an ARN of the old form
	}
	all := make([]Dimension, len(values))
	for i, v := range values {
		all[i] = Dimension{m.Dimensions[i], v}
	}
	return all, true
}

// Queries is how many metrics GetMetricData is asked for a resource of the type: each statistic is one.
func (m *Measured) Queries() (n int) {
	for i := range m.Measures {
		n += len(m.Measures[i].Statistics)
	}
	return n
}

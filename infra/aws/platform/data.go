package platform

import (
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tenantry/tenantry/pkg/store"
)

// newData makes all that must survive, but for what is adopted: that is there.
func newData(scope constructs.Construct, n names) {
	key := newKey(scope, n)
	for _, t := range store.Tables {
		if n.Adopted[t] == "" {
			newTable(scope, n, t, key)
		}
	}
	arrivals := newQueue(scope, n, ingest)
	newQueue(scope, n, collect)
	newQueue(scope, n, jobs)
	unsent := newDeadLetters(scope, n, "QueueDead", dead)
	suppress(bare(unsent), rule("AwsSolutions-SQS3", "It is the queue of dead letters of schedules, rules and invocations, which are no queues that would name it."))
	letSend(unsent, "events.amazonaws.com", arn("events", "rule/"+n.of(deployed)))
	logs := newLogBucket(scope, n)
	letLog(logs, n, n.imports(), n.bucket("page"))
	if n.Bucket == "" {
		newImports(scope, n, key, arrivals, logs)
	} else {
		letSend(arrivals, "s3.amazonaws.com", n.bucketARN(n.imports()))
	}
}

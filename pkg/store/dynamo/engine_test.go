package dynamo_test

import (
	"testing"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Engine { return dynamolocal.Open(t, clock) })
}

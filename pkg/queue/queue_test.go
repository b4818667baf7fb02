package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
)

const (
	tenantID   = "ten_01JQ0000000000000000000000"
	deliveryID = "imp_01JQ0000000000000000000000"
	closed     = `{"kind":"closed","tenant":"` + tenantID + `","delivery":"` + deliveryID + `"}`
)

// objects is an S3 notification of n files.
func objects(n int) string {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf(`{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"tenants/%s/deliveries/%s/%d","size":9}}}`, tenantID, deliveryID, i)
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

func TestProcess(t *testing.T) {
	busy := &queue.Busy{Wait: time.Minute}
	tests := map[string]struct {
		body    string
		answers []error // of the handler, in order
		verdict queue.Verdict
		wait    time.Duration
		log     string
	}{
		"is done with what was handled":            {closed, []error{nil}, queue.Done, 0, "operation=ingest.closed"},
		"is done with what is no delivery's":       {`{"Event":"s3:TestEvent"}`, nil, queue.Done, 0, ""},
		"repeats what passes":                      {closed, []error{fault.New(fault.Unavailable, "x")}, queue.Again, 0, "outcome=failed"},
		"repeats what is over a limit":             {closed, []error{fault.New(fault.Limited, "x")}, queue.Again, 0, "outcome=failed"},
		"repeats what is a defect":                 {closed, []error{errors.New("x")}, queue.Again, 0, "outcome=failed"},
		"drops what no repetition mends":           {closed, []error{fault.New(fault.NotFound, "x")}, queue.Done, 0, "outcome=refused"},
		"waits for another worker":                 {closed, []error{fmt.Errorf("x: %w", busy)}, queue.Later, time.Minute, "outcome=waits"},
		"keeps what it cannot read for a person":   {`<xml>`, nil, queue.Again, 0, "cannot be read"},
		"keeps what is none of ours for a person":  {`{}`, nil, queue.Again, 0, "cannot be read"},
		"handles every file of a notification":     {objects(3), []error{nil, nil, nil}, queue.Done, 0, ""},
		"repeats all where one file failed":        {objects(3), []error{errors.New("x"), busy, nil}, queue.Again, time.Minute, "outcome=failed"},
		"repeats all where the last file failed":   {objects(2), []error{busy, errors.New("x")}, queue.Again, time.Minute, "outcome=failed"},
		"waits where one file is busy, none fails": {objects(2), []error{busy, fault.New(fault.NotFound, "x")}, queue.Later, time.Minute, "outcome=refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			calls := 0
			verdict, wait := queue.Of("ingest", delivery.ParseMessages, func(_ context.Context, m delivery.Message) error {
				require.Equal(t, tenantID, string(m.Tenant))
				calls++
				return test.answers[calls-1]
			})(context.Background(), slog.New(slog.NewTextHandler(&log, nil)), []byte(test.body))
			require.Equal(t, test.verdict, verdict)
			require.Equal(t, test.wait, wait)
			require.Equal(t, len(test.answers), calls)
			require.Contains(t, log.String(), test.log)
		})
	}
}

func TestProcessOutlivesAPanic(t *testing.T) {
	var log bytes.Buffer
	verdict, _ := queue.Of("ingest", delivery.ParseMessages, func(context.Context, delivery.Message) error {
		panic("boom")
	})(context.Background(), slog.New(slog.NewTextHandler(&log, nil)), []byte(closed))
	require.Equal(t, queue.Again, verdict)
	require.Contains(t, log.String(), "boom")
	require.Contains(t, log.String(), "queue_test.go", "the stack says where")
}

// Package delivery takes files of costs from providers: it hands out upload addresses, closes deliveries, reads them as
// streams and has pkg/cost replace what their source held before, whole or not at all.
package delivery

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxFile is the largest file, 5 GB: where a single S3 PUT ends.
const MaxFile = 5_000_000_000

// File is a raw file of a delivery, read in any order.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
	// Tag is another one whenever the bytes are others: an upload address is good for longer than a delivery is open.
	Tag() string
}

// Files is where raw deliveries lie, below tenants/<tenant>/: an S3 bucket (pkg/blob/s3) or a folder (pkg/blob/folder).
// The tenant comes from the scope alone. A name is relative, as Name gives it.
type Files interface {
	// UploadURL gives an address that takes one PUT of exactly size bytes without further credentials until it expires:
	// after that time, or sooner where an address cannot be good for so long.
	UploadURL(ctx context.Context, s *tenant.Scope, name string, size int64, expires time.Duration) (string, error)
	// Open opens a file; fault.NotFound where there is none.
	Open(ctx context.Context, s *tenant.Scope, name string) (File, error)
	// Put keeps a small file, in the place of what was there.
	Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error
	// Remove removes a file; removing none is no error.
	Remove(ctx context.Context, s *tenant.Scope, name string) error
}

// Queue takes messages for the ingest worker: SQS (pkg/queue/sqs) or the local one. Delivered at least once.
type Queue interface {
	Send(ctx context.Context, m Message) error
}

// Name is a file's name below the tenant's folder.
func Name(id tenant.DeliveryID, file int) string {
	return "deliveries/" + string(id) + "/" + strconv.Itoa(file)
}

// Message is what the ingest queue carries beside S3's own event notifications.
type Message struct {
	Kind     Kind              `json:"kind"`
	Tenant   tenant.ID         `json:"tenant"`
	Delivery tenant.DeliveryID `json:"delivery"`
	File     int               `json:"file,omitempty"` // of an Uploaded
	Size     int64             `json:"size,omitempty"` // of an Uploaded, bytes
}

// Subject is of the message's log line.
func (m Message) Subject() observe.Subject {
	return observe.Subject{Operation: string(m.Kind), Tenant: m.Tenant}
}

// Kind says what a message asks for.
type Kind string

// The kinds. Uploaded comes as an S3 event notification, the others as a Message's JSON.
const (
	Uploaded Kind = "uploaded" // a file has arrived
	Closed   Kind = "closed"   // the delivery is closed: read it
	Rebuild  Kind = "rebuild"  // read again what the delivery still holds: rules or kept tag keys have changed
)

// ParseMessages reads the body of a queue message: a Message or an S3 event notification, whose records become one
// Uploaded each. An s3:TestEvent and objects that are no delivery's give none. Errors are fault.Malformed.
func ParseMessages(body []byte) ([]Message, error) {
	var event struct {
		Message
		Event   string `json:"Event"`
		Records []struct {
			EventName string `json:"eventName"`
			S3        struct {
				Object struct {
					Key  string `json:"key"`
					Size int64  `json:"size"`
				} `json:"object"`
			} `json:"s3"`
		} `json:"Records"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fault.Wrap(err, fault.Malformed, "the queue message is not JSON")
	}
	if event.Kind == Closed || event.Kind == Rebuild {
		return []Message{event.Message}, nil
	}
	var all []Message
	for _, r := range event.Records {
		if !strings.HasPrefix(r.EventName, "ObjectCreated:") {
			continue
		}
		if m, ok := parseKey(r.S3.Object.Key); ok {
			m.Size = r.S3.Object.Size
			all = append(all, m)
		}
	}
	if len(all) == 0 && event.Event != "s3:TestEvent" && len(event.Records) == 0 {
		return nil, fault.New(fault.Malformed, "the queue message is neither an S3 event nor one of ours")
	}
	return all, nil
}

// parseKey reads the key of a file that has a Name, URL-encoded as S3 puts it into events.
func parseKey(key string) (Message, bool) {
	key, err := url.QueryUnescape(key)
	if err != nil {
		return Message{}, false
	}
	of, name, ok := blob.Owner(key)
	p := strings.Split(name, "/")
	if !ok || len(p) != 3 {
		return Message{}, false
	}
	d, err1 := tenant.ParseDeliveryID(p[1])
	n, err2 := strconv.Atoi(p[2])
	if err1 != nil || err2 != nil || n < 0 || name != Name(d, n) {
		return Message{}, false
	}
	return Message{Kind: Uploaded, Tenant: of, Delivery: d, File: n}, true
}

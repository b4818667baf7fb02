package route

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// IdempotencyKey is embedded by the In of every creating POST.
type IdempotencyKey struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" pattern:"^[ -~]+$" patternDescription:"printable ASCII" doc:"A key of the caller's choice: for 24 hours the same request with the same key creates nothing more and is answered alike."`
}

// Once is one creating request under its key. Without a key it remembers nothing.
type Once struct {
	operation, key, digest string
	principal              tenant.Principal
	within                 tenant.ID // below which the directory remembers it; "": below the principal
}

// outcome is what is remembered of a creating request.
type outcome struct {
	Request string `json:"request"` // digest
	ID      string `json:"id"`      // what it created
}

const remembered = 24 * time.Hour

// Once gives the request of a principal: of an operation, with what the request says: its body and the IDs of its path.
func (k IdempotencyKey) Once(p tenant.Principal, operation string, says ...any) (Once, error) {
	if k.IdempotencyKey == "" {
		return Once{}, nil
	}
	b, err := json.Marshal(says)
	if err != nil {
		return Once{}, fmt.Errorf("digest a request: %w", err)
	}
	sum := sha256.Sum256(b)
	return Once{operation: operation, key: k.IdempotencyKey, digest: hex.EncodeToString(sum[:]), principal: p}, nil
}

// Within is the request of a member, on what the directory has below the scope's tenant: it is remembered there too, so that it goes
// with the tenant, whoever is a member then.
func (o Once) Within(scope *tenant.Scope) Once {
	o.within = scope.Tenant()
	return o
}

// Done gives the ID of what the same request created before, "" where there was none. Another request under the same key
// is fault.Invalid.
func (o Once) Done(ctx context.Context, t *store.Tenant) (id string, err error) {
	return o.done(func(into *outcome) error {
		_, err := t.Read(ctx, o.tenantKey(), into)
		return err
	})
}

// Changes goes into the Write that creates id: it fails where another request under the key was quicker.
func (o Once) Changes(id string, now time.Time) []store.Change {
	if o.key == "" {
		return nil
	}
	return []store.Change{{Key: o.tenantKey(), Value: outcome{o.digest, id}, ExpiresAt: now.Add(remembered), Condition: store.Absent}}
}

// DoneOutside is Done for what is created outside of any tenant.
func (o Once) DoneOutside(ctx context.Context, d *store.Directory) (id string, err error) {
	return o.done(func(into *outcome) error {
		_, err := d.Read(ctx, o.directoryKey(), into)
		return err
	})
}

// trace leads from a tenant to a person of whom something is remembered that names it.
type trace struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// ChangesOutside is Changes for what is created outside of any tenant. Where that is a place in a tenant, the tenant has a trace of it.
func (o Once) ChangesOutside(id string, now time.Time) []store.DirectoryChange {
	if o.key == "" {
		return nil
	}
	c := []store.DirectoryChange{{Key: o.directoryKey(), Value: outcome{o.digest, id}, ExpiresAt: now.Add(remembered), Condition: store.Absent}}
	if of, err := tenant.ParseID(id); err == nil && o.within == "" {
		c = append(c, store.DirectoryChange{Key: o.orgKey(of), Value: trace{o.principal.Issuer, o.principal.Subject}, ExpiresAt: now.Add(remembered)})
	}
	return c
}

func (o Once) done(read func(*outcome) error) (string, error) {
	var before outcome
	if o.key == "" {
		return "", nil
	}
	if err := read(&before); err != nil {
		return "", err
	}
	if before.ID != "" && before.Request != o.digest {
		return "", fault.New(fault.Invalid, "The Idempotency-Key was used for another request. Use a new key for a new request.").
			At("header.Idempotency-Key", "was used for another request", "")
	}
	return before.ID, nil
}

// tenantKey holds the principal too: two members may choose the same key.
func (o Once) tenantKey() store.Key {
	return store.Idempotency(o.operation, o.principal.Issuer+"\x00"+o.principal.Subject+"\x00"+o.key)
}

func (o Once) orgKey(id tenant.ID) store.DirectoryKey {
	return store.OrgIdempotency(id, o.operation, o.principal.Issuer+"\x00"+o.principal.Subject+"\x00"+o.key)
}

func (o Once) directoryKey() store.DirectoryKey {
	if o.within != "" {
		return o.orgKey(o.within)
	}
	return store.SubjectIdempotency(o.principal.Issuer, o.principal.Subject, o.operation, o.key)
}

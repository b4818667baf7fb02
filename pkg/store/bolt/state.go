package bolt

import (
	"bytes"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// expiryBucket lists the items that expire: 8 bytes of ExpiresAt, the table, NUL and the item's key.
var expiryBucket = []byte("expiry")

// sweepAtOnce is how many expired items a writing transaction removes beside its own work.
const sweepAtOnce = 8

// state is the file within one transaction, at one moment of the clock.
type state struct {
	tx  *bbolt.Tx
	now time.Time
}

func (s *state) bucket(t store.Table) *bbolt.Bucket { return s.tx.Bucket([]byte(t)) }

// get gives what is stored, expired or not; nil where nothing is.
func (s *state) get(at store.Address) (*stored, error) {
	return parse(s.bucket(at.Table).Get(keyOf(at)))
}

func (s *state) live(it *stored) bool { return it != nil && !item.Expired(it.expires, s.now) }

// replace puts an item in the place of old; nil of either is none.
func (s *state) replace(at store.Address, old, it *stored) error {
	key, expiry := keyOf(at), s.tx.Bucket(expiryBucket)
	if old != nil && old.expires != 0 {
		if err := expiry.Delete(expiryKey(at.Table, key, old.expires)); err != nil {
			return err
		}
	}
	if it == nil {
		return s.bucket(at.Table).Delete(key)
	}
	if it.expires != 0 {
		if err := expiry.Put(expiryKey(at.Table, key, it.expires), nil); err != nil {
			return err
		}
	}
	return s.bucket(at.Table).Put(key, it.bytes())
}

func expiryKey(t store.Table, key []byte, expires int64) []byte {
	k := binary.BigEndian.AppendUint64(nil, uint64(expires))
	k = append(append(k, t...), 0)
	return append(k, key...)
}

// sweep removes some of what has expired.
func (s *state) sweep() error {
	c := s.tx.Bucket(expiryBucket).Cursor()
	for range sweepAtOnce {
		k, _ := c.First()
		if k == nil || !item.Expired(int64(binary.BigEndian.Uint64(k)), s.now) {
			return nil
		}
		table, key, _ := bytes.Cut(k[8:], []byte{0})
		if err := s.tx.Bucket(table).Delete(key); err != nil {
			return err
		}
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

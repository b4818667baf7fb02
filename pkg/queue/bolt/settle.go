package bolt

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenantry/tenantry/pkg/queue"
)

// Settle says what became of a received message. Again brings it back after a backoff or, when its attempts are used up,
// moves it to the dead letters; Later brings it back after the wait and counts no attempt.
func (q *Queue) Settle(ctx context.Context, m *Message, v queue.Verdict, wait time.Duration) error {
	err := q.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(waiting)
		var i item
		if err := json.Unmarshal(b.Get(key(m.id)), &i); err != nil {
			return fmt.Errorf("read message %d: %w", m.id, err)
		}
		switch {
		case v == queue.Done:
			return b.Delete(key(m.id))
		case v == queue.Later:
			i.Attempts--
			i.Due = q.Clock().UTC().Add(wait)
		case i.Attempts >= q.Attempts:
			q.Log.ErrorContext(ctx, "message moved to the dead letters", "body", i.Body, "attempts", i.Attempts)
			return errors.Join(put(tx.Bucket(dead), m.id, i), b.Delete(key(m.id)))
		default:
			i.Due = q.Clock().UTC().Add(q.Backoff << (i.Attempts - 1))
		}
		return put(b, m.id, i)
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.held, m.id)
	q.tell()
	return err
}

// Depth counts the messages that wait or are in hand, and the dead letters.
func (q *Queue) Depth() (messages, letters int, err error) {
	err = q.db.View(func(tx *bbolt.Tx) error {
		messages, letters = tx.Bucket(waiting).Stats().KeyN, tx.Bucket(dead).Stats().KeyN
		return nil
	})
	return messages, letters, err
}

// tell wakes everybody who waits in Receive; q.mu is held.
func (q *Queue) tell() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func put(b *bbolt.Bucket, id uint64, i item) error {
	v, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return b.Put(key(id), v)
}

func key(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

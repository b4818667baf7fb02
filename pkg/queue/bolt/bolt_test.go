package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/queue/bolt"
)

var ctx = context.Background()

func options(path string) bolt.Options {
	return bolt.Options{Path: path, Clock: time.Now, Log: slog.New(slog.DiscardHandler), Attempts: 3, Backoff: time.Millisecond}
}

func open(t testing.TB, path string) *bolt.Queue {
	q, err := bolt.Open(options(path))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

// receive gives the next message, and fails where there is none for a second.
func receive(t require.TestingT, q *bolt.Queue) *bolt.Message {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	m, err := q.Receive(ctx)
	require.NoError(t, err)
	return m
}

// nothing tells whether no message comes for the wait.
func nothing(q *bolt.Queue, wait time.Duration) bool {
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	_, err := q.Receive(ctx)
	return err == context.DeadlineExceeded
}

func depth(t require.TestingT, q *bolt.Queue) [2]int {
	messages, dead, err := q.Depth()
	require.NoError(t, err)
	return [2]int{messages, dead}
}

func TestAMessage(t *testing.T) {
	file := func(t *testing.T) string { return filepath.Join(t.TempDir(), "queue") }
	t.Run("comes as it was sent, oldest first", func(t *testing.T) {
		q := open(t, file(t))
		require.NoError(t, queue.Sender[delivery.Message]{Queue: q}.Send(ctx, delivery.Message{Kind: delivery.Closed, Tenant: "t", Delivery: "d"}))
		require.NoError(t, q.SendBody(ctx, []byte("second")))
		require.JSONEq(t, `{"kind":"closed","tenant":"t","delivery":"d"}`, string(receive(t, q).Body))
		require.Equal(t, "second", string(receive(t, q).Body))
	})
	t.Run("in hand is given to nobody else", func(t *testing.T) {
		q := open(t, file(t))
		require.NoError(t, q.SendBody(ctx, []byte("x")))
		receive(t, q)
		require.True(t, nothing(q, 20*time.Millisecond))
	})
	t.Run("that is done is gone", func(t *testing.T) {
		q := open(t, file(t))
		require.NoError(t, q.SendBody(ctx, []byte("x")))
		require.NoError(t, q.Settle(ctx, receive(t, q), queue.Done, 0))
		require.Equal(t, [2]int{0, 0}, depth(t, q))
	})
	t.Run("that fails comes again until it is dead, and is kept", func(t *testing.T) {
		q := open(t, file(t))
		require.NoError(t, q.SendBody(ctx, []byte("x")))
		for attempt := range 3 {
			require.Equal(t, [2]int{1, 0}, depth(t, q))
			m := receive(t, q)
			require.Equal(t, attempt+1, m.Attempt)
			require.NoError(t, q.Settle(ctx, m, queue.Again, 0))
		}
		require.Equal(t, [2]int{0, 1}, depth(t, q))
	})
	t.Run("that has to wait counts no attempt", func(t *testing.T) {
		q := open(t, file(t))
		require.NoError(t, q.SendBody(ctx, []byte("x")))
		for range 10 {
			m := receive(t, q)
			require.Equal(t, 1, m.Attempt)
			require.NoError(t, q.Settle(ctx, m, queue.Later, time.Millisecond))
		}
	})
	t.Run("that waits lets others pass", func(t *testing.T) {
		q := open(t, file(t))
		require.NoError(t, q.SendBody(ctx, []byte("first")))
		require.NoError(t, q.Settle(ctx, receive(t, q), queue.Later, 50*time.Millisecond))
		require.NoError(t, q.SendBody(ctx, []byte("second")))
		require.Equal(t, "second", string(receive(t, q).Body))
		require.Equal(t, "first", string(receive(t, q).Body))
	})
	t.Run("is waited for", func(t *testing.T) {
		q := open(t, file(t))
		time.AfterFunc(20*time.Millisecond, func() { _ = q.SendBody(ctx, []byte("x")) })
		require.Equal(t, "x", string(receive(t, q).Body))
	})
	t.Run("in hand comes at once after a restart", func(t *testing.T) {
		path := file(t)
		q, err := bolt.Open(options(path))
		require.NoError(t, err)
		require.NoError(t, q.SendBody(ctx, []byte("x")))
		receive(t, q)
		require.NoError(t, q.Close())
		require.Equal(t, 2, receive(t, open(t, path)).Attempt)
	})
	t.Run("cannot be sent to a queue that is closed", func(t *testing.T) {
		q, err := bolt.Open(options(file(t)))
		require.NoError(t, err)
		require.NoError(t, q.Close())
		require.True(t, fault.Is(q.SendBody(ctx, []byte("x")), fault.Unavailable))
	})
}

func TestAQueueIsOfOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	open(t, path)
	_, err := bolt.Open(options(path))
	require.ErrorIs(t, err, bolt.ErrInUse)
	_, err = bolt.Open(options(t.TempDir()))
	require.Error(t, err)
	require.NotErrorIs(t, err, bolt.ErrInUse)
}

// TestEveryMessageIsDoneOrDead plays any order of sends, receipts and outcomes: nothing is lost and nothing is given twice
// at once.
func TestEveryMessageIsDoneOrDead(t *testing.T) {
	dir, runs := t.TempDir(), 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		q, err := bolt.Open(options(filepath.Join(dir, fmt.Sprint(runs))))
		require.NoError(r, err)
		defer q.Close()
		sent, done := 0, 0
		hand := map[string]*bolt.Message{}
		r.Repeat(map[string]func(*rapid.T){
			"send": func(r *rapid.T) {
				require.NoError(r, q.SendBody(ctx, fmt.Append(nil, sent)))
				sent++
			},
			"receive": func(r *rapid.T) {
				if d := depth(r, q); d[0] == len(hand) {
					r.Skip("all are in hand")
				}
				m := receive(r, q)
				require.NotContains(r, hand, string(m.Body))
				hand[string(m.Body)] = m
			},
			"settle": func(r *rapid.T) {
				if len(hand) == 0 {
					r.Skip("none is in hand")
				}
				for body, m := range hand {
					v := rapid.SampledFrom([]queue.Verdict{queue.Done, queue.Again, queue.Later}).Draw(r, "verdict")
					require.NoError(r, q.Settle(ctx, m, v, 0))
					delete(hand, body)
					if v == queue.Done {
						done++
					}
					break
				}
			},
			"": func(r *rapid.T) {
				d := depth(r, q)
				require.Equal(r, sent, done+d[0]+d[1])
			},
		})
	})
}

// TestMain is also the process that TestAKilledProcess kills.
func TestMain(m *testing.M) {
	path := os.Getenv("QUEUE_OF_A_PROCESS_TO_KILL")
	if path == "" {
		os.Exit(m.Run())
	}
	q, err := bolt.Open(options(path))
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		if err := q.SendBody(ctx, fmt.Append(nil, i)); err != nil {
			panic(err)
		}
		fmt.Println(i)
		if _, err := q.Receive(ctx); err != nil {
			panic(err)
		}
	}
}

func TestAKilledProcessLosesNoMessageThatItSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "QUEUE_OF_A_PROCESS_TO_KILL="+path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	sent := 0
	for lines.Scan() {
		require.Equal(t, fmt.Sprint(sent), strings.TrimSpace(lines.Text()))
		if sent++; sent == 50 {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, sent, 50)

	q := open(t, path)
	for i := range sent {
		require.Equal(t, fmt.Sprint(i), string(receive(t, q).Body), "in order, though all but the last were in hand")
	}
}

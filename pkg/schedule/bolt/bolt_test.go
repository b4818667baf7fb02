// Package bolt_test keeps time by a clock that jumps, in processes that end at any moment.
package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/schedule/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const abc tenant.ID = "ten_01J00000000000000000000000"

var (
	ctx  = context.Background()
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

// machine is where a process runs again and again.
type machine struct {
	testing.TB
	path string
	now  time.Time
	sent []collect.Message
	fail func() error // each message
	*bolt.Scheduler
}

func newMachine(t testing.TB) *machine {
	m := &machine{TB: t, path: filepath.Join(t.TempDir(), "schedules"), now: noon}
	m.start()
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func (m *machine) start() {
	var err error
	m.Scheduler, err = bolt.Open(bolt.Options{Path: m.path, Clock: func() time.Time { return m.now }, NoSync: true, Send: func(_ context.Context, c collect.Message) error {
		if m.fail != nil {
			if err := m.fail(); err != nil {
				return err
			}
		}
		m.sent = append(m.sent, c)
		return nil
	}})
	require.NoError(m, err)
}

func (m *machine) restart() {
	require.NoError(m, m.Close())
	m.start()
}

// tick moves the clock and gives the slots that were sent.
func (m *machine) tick(d time.Duration) (slots []time.Time) {
	m.now = m.now.Add(d)
	before := len(m.sent)
	n, err := m.Tick(ctx)
	require.NoError(m, err)
	require.Len(m, m.sent, before+n)
	for _, c := range m.sent[before:] {
		slots = append(slots, c.Slot)
	}
	return slots
}

func entry(expression string, window int) schedule.Entry {
	return schedule.Entry{Name: schedule.Name{Tenant: abc, Project: tenant.Unassigned, Kind: collect.Costs}, Expression: expression, WindowMinutes: window, Enabled: true}
}

var hourly = entry("cron(0 * * * ? *)", 0)

func hour(h int) time.Time { return time.Date(2026, 3, 2, h, 0, 0, 0, time.UTC) }

func TestASchedule(t *testing.T) {
	t.Run("sends its message at each slot, once", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		require.Empty(t, m.tick(0), "the slot of the moment is past")
		require.Empty(t, m.tick(time.Hour-time.Second))
		require.Equal(t, []time.Time{hour(13)}, m.tick(time.Second))
		require.Empty(t, m.tick(0))
		require.Empty(t, m.tick(59*time.Minute))
		require.Equal(t, []time.Time{hour(14)}, m.tick(2*time.Minute))
		require.Equal(t, collect.Message{Kind: collect.Costs, Tenant: abc, Project: tenant.Unassigned, Slot: hour(14)}, m.sent[1])
	})
	t.Run("makes up for sleep with the latest slot alone", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		require.Equal(t, []time.Time{hour(20)}, m.tick(8*time.Hour+30*time.Minute))
		require.Empty(t, m.tick(0))
	})
	t.Run("loses no slot and sends none twice when the process ends and begins", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		require.Len(t, m.tick(time.Hour), 1)
		m.restart()
		require.Empty(t, m.tick(0))
		require.NoError(t, m.Close())
		m.now = m.now.Add(3 * time.Hour)
		m.start()
		require.Equal(t, []time.Time{hour(16)}, m.tick(0))
	})
	t.Run("sends again what could not be sent", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		m.fail = func() error { return errors.New("the disk is full") }
		m.now = m.now.Add(time.Hour)
		_, err := m.Tick(ctx)
		require.ErrorContains(t, err, "the disk is full")
		m.fail = nil
		require.Equal(t, []time.Time{hour(13)}, m.tick(time.Minute))
	})
}

// A change counts from its moment on, and only where something is another.
func TestAScheduleThatIsChanged(t *testing.T) {
	t.Run("that is paused sends nothing, and no slot of the pause after it", func(t *testing.T) {
		m := newMachine(t)
		paused := hourly
		paused.Enabled = false
		require.NoError(t, m.Put(ctx, hourly))
		require.NoError(t, m.Put(ctx, paused))
		require.Empty(t, m.tick(2*time.Hour))
		require.NoError(t, m.Put(ctx, hourly))
		require.Empty(t, m.tick(0))
		require.Equal(t, []time.Time{hour(15)}, m.tick(time.Hour))
	})
	t.Run("that is put again as it is goes on", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		m.now = m.now.Add(time.Hour)
		require.NoError(t, m.Put(ctx, hourly))
		later := hourly
		later.WindowMinutes = 1
		require.NoError(t, m.Put(ctx, later))
		require.Equal(t, []time.Time{hour(13)}, m.tick(time.Minute))
	})
	t.Run("with another expression begins with its next slot", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		m.now = m.now.Add(90 * time.Minute)
		require.NoError(t, m.Put(ctx, entry("rate(2 hours)", 0)))
		require.Empty(t, m.tick(0))
		require.Equal(t, []time.Time{hour(14)}, m.tick(time.Hour))
	})
	t.Run("that is removed sends nothing", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Put(ctx, hourly))
		require.NoError(t, m.Remove(ctx, hourly.Name))
		require.NoError(t, m.Remove(ctx, hourly.Name), "it is gone")
		m.restart()
		require.Empty(t, m.tick(5*time.Hour))
		all, err := m.List(ctx, abc)
		require.NoError(t, err)
		require.Empty(t, all)
	})
}

func TestAScheduleIsKept(t *testing.T) {
	t.Run("is there as it was put", func(t *testing.T) {
		m := newMachine(t)
		e := entry("rate(7 hours)", 30)
		e.Enabled = false
		require.NoError(t, m.Put(ctx, e))
		m.restart()
		all, err := m.List(ctx, abc)
		require.NoError(t, err)
		require.Equal(t, []schedule.Entry{e}, all)
		names, next, err := m.Names(ctx, "")
		require.NoError(t, err)
		require.Empty(t, next)
		require.Equal(t, []schedule.Name{e.Name}, names)
		others, err := m.List(ctx, "ten_01J00000000000000000000001")
		require.NoError(t, err)
		require.Empty(t, others)
	})
	t.Run("of what is no expression is refused", func(t *testing.T) {
		require.Error(t, newMachine(t).Put(ctx, entry("daily", 0)))
	})
	t.Run("is of one process", func(t *testing.T) {
		m := newMachine(t)
		_, err := bolt.Open(bolt.Options{Path: m.path, Clock: time.Now})
		require.ErrorIs(t, err, bolt.ErrInUse)
	})
	t.Run("that cannot be kept says so", func(t *testing.T) {
		m := newMachine(t)
		require.NoError(t, m.Close())
		require.True(t, fault.Is(m.Put(ctx, hourly), fault.Unavailable))
		m.start()
	})
}

// Many schedules of one slot are spread over the window: each is within it, and no tenth of it has much more than a tenth.
func TestAWindowSpreadsWhatIsDue(t *testing.T) {
	const many, window = 2000, 100
	m := newMachine(t)
	for i := range many {
		e := entry("cron(0 13 * * ? *)", window)
		e.Project = tenant.ProjectID(fmt.Sprintf("prj_01J0000000000000000000%04d", i))
		require.NoError(t, m.Put(ctx, e))
	}
	m.now = hour(13)
	tenths := [10]int{}
	for i := range tenths {
		m.now = hour(13).Add(time.Duration(i+1)*window*time.Minute/10 - time.Second)
		tenths[i] = len(m.tick(0))
		require.InDelta(t, many/10, tenths[i], many/20)
	}
	require.Len(t, m.sent, many)
	m.restart()
	require.Empty(t, m.tick(time.Minute))
	for i := range 3 { // the lateness is the same each day
		m.now = hour(13).AddDate(0, 0, 1).Add(time.Duration(i+1)*window*time.Minute/10 - time.Second)
		require.Len(t, m.tick(0), tenths[i])
	}
}

// Whatever the clock, restarts and failures do: no slot comes twice, each message is within the window where the process was there,
// and after a time without failures the latest slot that was due has come.
func TestSlotsComeOnceWhateverHappens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newMachine(t)
		e := entry(rapid.SampledFrom([]string{"cron(0 * * * ? *)", "cron(30 0/6 * * ? *)", "rate(5 hours)", "rate(1 day)"}).Draw(r, "expression"), rapid.SampledFrom([]int{0, 1, 45}).Draw(r, "window"))
		x, err := schedule.ParseExpression(e.Expression)
		require.NoError(r, err)
		require.NoError(r, m.Put(ctx, e))
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				m.restart()
			case 1:
				m.fail = func() error { return errors.New("full") }
				m.now = m.now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(r, "seconds")) * time.Second)
				_, _ = m.Tick(ctx)
				m.fail = nil
			default:
				m.tick(time.Duration(rapid.IntRange(0, 30000).Draw(r, "seconds")) * time.Second)
			}
		}
		m.tick(0)
		seen := map[time.Time]bool{}
		for i, c := range m.sent {
			require.False(r, seen[c.Slot], "a slot came twice")
			seen[c.Slot] = true
			require.True(r, i == 0 || c.Slot.After(m.sent[i-1].Slot))
			require.Equal(r, c.Slot, x.Latest(c.Slot.Add(-time.Second), c.Slot), "it is one of the slots")
		}
		if due := x.Latest(noon, m.now.Add(-time.Duration(e.WindowMinutes)*time.Minute)); !due.IsZero() {
			require.NotEmpty(r, m.sent)
			require.False(r, m.sent[len(m.sent)-1].Slot.Before(due), "the latest slot is lost")
		}
	})
}

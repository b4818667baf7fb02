package collect_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	abc tenant.ID        = "ten_01J00000000000000000000ABC"
	web tenant.ProjectID = "prj_01J00000000000000000000WEB"
)

func TestMessages(t *testing.T) {
	slot := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	due := collect.Message{Kind: collect.Costs, Tenant: abc, Project: web, Slot: slot}
	started := due
	started.Run = due.ID()
	for name, want := range map[string]collect.Message{"of a schedule": due, "of a run": started} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(want)
			require.NoError(t, err)
			got, err := collect.ParseMessages(body)
			require.NoError(t, err)
			require.Equal(t, []collect.Message{want}, got)
		})
	}
	for name, text := range map[string]string{
		"as EventBridge Scheduler writes it": `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"2026-03-02T06:00:00Z"}`,
		"in another zone":                    `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"2026-03-02T08:00:00+02:00"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := collect.ParseMessages([]byte(text))
			require.NoError(t, err)
			require.Equal(t, []collect.Message{{Kind: collect.Costs, Tenant: abc, Project: tenant.Unassigned, Slot: slot}}, got)
		})
	}
	other := started
	other.Slot = slot.Add(time.Second)
	foreign, err := json.Marshal(other)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"nothing": ``, "no object": `[]`, "null": `null`, "an empty one": `{}`, "two": `{}{}`, "a run of another slot": string(foreign),
		"a kind that is none":        `{"kind":"x","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"2026-03-02T06:00:00Z"}`,
		"a tenant that is none":      `{"kind":"costs","tenant":"ten_","project":"unassigned","slot":"2026-03-02T06:00:00Z"}`,
		"a project that is none":     `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"*","slot":"2026-03-02T06:00:00Z"}`,
		"an attribute not filled in": `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"<aws.scheduler.scheduled-time>"}`,
		"a slot long ago":            `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"0001-01-01T00:00:00Z"}`,
		"a slot of parts of seconds": `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"2026-03-02T06:00:00.5Z"}`,
		"more than is known":         `{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"2026-03-02T06:00:00Z","x":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := collect.ParseMessages([]byte(text))
			require.True(t, fault.Is(err, fault.Malformed))
		})
	}
}

func FuzzParseMessages(f *testing.F) {
	f.Add([]byte(`{"kind":"costs","tenant":"ten_01J00000000000000000000ABC","project":"unassigned","slot":"2026-03-02T06:00:00Z"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := collect.ParseMessages(body)
		if err != nil {
			return
		}
		require.Len(t, got, 1)
		again, err := json.Marshal(got[0])
		require.NoError(t, err)
		same, err := collect.ParseMessages(again)
		require.NoError(t, err)
		require.Equal(t, got, same)
		require.Equal(t, got[0].Slot, got[0].ID().Slot())
	})
}

func TestATaskByItself(t *testing.T) {
	var task collect.Task
	var notes struct{ N int }
	require.NoError(t, task.Notes(&notes))
	notes.N = 3
	require.NoError(t, task.Keep(notes))
	notes.N = 0
	require.NoError(t, task.Notes(&notes))
	require.Equal(t, 3, notes.N)
	require.Error(t, task.Keep(make([]byte, 300<<10)), "is more than an item holds")
	require.Error(t, task.Keep(func() {}))
	require.NoError(t, task.Spend(t.Context(), collect.Use{Pages: 1, Calls: 1}))
	require.NoError(t, task.Spend(t.Context(), collect.Use{Metrics: 500, Calls: 1}))
	require.Equal(t, collect.Use{Pages: 1, Metrics: 500, Calls: 2}, task.Spent())
	require.Empty(t, task.Guard())
}

package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const home = "ten_01ARZ3NDEKTSV4RRFFQ69G5FAV"

func owner(t require.TestingT) *tenant.Scope {
	p := tenant.Principal{Issuer: "https://issuer", Subject: "alice"}
	s, err := tenant.Authorize(p, tenant.Membership{Tenant: home, Role: tenant.Owner}, tenant.Standing{Status: tenant.Active, Plan: tenant.Free}, tenant.ReadAudit)
	require.NoError(t, err)
	return s
}

// door lets everybody in as the owner.
type door struct{ scope *tenant.Scope }

func (d door) Principal(context.Context, string) (tenant.Principal, error) {
	return d.scope.Principal(), nil
}

func (d door) Scope(context.Context, string, string, tenant.Permission) (*tenant.Scope, error) {
	return d.scope, nil
}

// world is a log on one engine.
type world struct {
	*testing.T
	clock *storetest.Clock
	store *store.Store
	http  http.Handler
}

// onBoth runs a test on the embedded engine and on DynamoDB.
func onBoth(t *testing.T, test func(*world)) {
	t.Run("bolt", func(t *testing.T) { test(newWorld(t, openBolt)) })
	t.Run("dynamo", func(t *testing.T) {
		test(newWorld(t, func(t testing.TB, clock func() time.Time) store.Engine { return dynamolocal.Open(t, clock) }))
	})
}

func openBolt(t testing.TB, clock func() time.Time) store.Engine {
	e, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{Clock: clock, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func newWorld(t *testing.T, open func(testing.TB, func() time.Time) store.Engine) *world {
	w := &world{T: t, clock: storetest.NewClock()}
	w.store = store.New(open(t, w.clock.Now))
	s := &audit.Service{Store: w.store, Clock: w.clock.Now}
	var err error
	w.http, err = route.Handler(s.Operations(), door{owner(t)}, route.Options{Clock: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return w
}

func (w *world) handle() *store.Tenant {
	h, err := w.store.Tenant(owner(w))
	require.NoError(w, err)
	return h
}

func (w *world) row(e audit.Event) store.Change {
	c, err := audit.Log{Clock: w.clock.Now, Random: rand.Reader}.Row(w.Context(), owner(w), e)
	require.NoError(w, err)
	return c
}

func (w *world) page(query string) (p route.Page[audit.Row]) {
	w.get(query, &p)
	return p
}

func (w *world) get(query string, into any) {
	answer := httptest.NewRecorder()
	w.http.ServeHTTP(answer, httptest.NewRequest("GET", "/v1/tenants/"+home+"/audit?"+query, nil))
	require.Equal(w, 200, answer.Code, answer.Body)
	require.NoError(w, json.Unmarshal(answer.Body.Bytes(), into))
}

func TestARowIsNeverOverwritten(t *testing.T) {
	onBoth(t, func(w *world) {
		same := audit.Log{Clock: w.clock.Now, Random: bytes.NewReader(make([]byte, 20))} // twice the ID of zeros
		first, err := same.Row(w.Context(), owner(w), audit.Event{Target: "first"})
		require.NoError(w, err)
		second, err := same.Row(w.Context(), owner(w), audit.Event{Target: "second"})
		require.NoError(w, err)
		require.Equal(w, first.Key, second.Key)
		require.NoError(w, w.handle().Write(w.Context(), store.Change{Key: store.TagKeys(), Value: struct{}{}}, first))
		err = w.handle().Write(w.Context(), store.Change{Key: store.Meta(), Value: struct{}{}}, second)
		require.NotNil(w, store.Conflicted(err), "%v", err)
		require.Equal(w, []int{1}, store.Conflicted(err).Failed)
		err = w.handle().Write(w.Context(), second)
		require.NotNil(w, store.Conflicted(err), "%v", err)
		var row audit.Row
		version, err := w.handle().Read(w.Context(), first.Key, &row)
		require.NoError(w, err)
		require.EqualValues(w, 1, version)
		require.Equal(w, "first", row.Target)
		version, err = w.handle().Read(w.Context(), store.Meta(), &struct{}{})
		require.NoError(w, err)
		require.Zero(w, version, "the change that the row belongs to is not there either")
	})
}

func TestARowEndsWithThePlansRetention(t *testing.T) {
	onBoth(t, func(w *world) {
		start := "start=" + w.clock.Now().Format(time.RFC3339)
		require.NoError(w, w.handle().Write(w.Context(), w.row(audit.Event{Target: "a"})))
		w.clock.Advance(89 * 24 * time.Hour)
		require.Equal(w, []string{"a"}, targets(w.page(start)))
		w.clock.Advance(2 * 24 * time.Hour)
		require.Empty(w, w.page(start).Items)
	})
}

// A page ends after so many reads, even between two months, and the next goes on where it ended; a month that has none is
// passed over.
func TestPagesOfALogThatHasMuchElse(t *testing.T) {
	w := newWorld(t, openBolt)
	began := w.clock.Now()
	require.NoError(w, w.handle().Write(w.Context(), w.row(audit.Event{Target: "wanted", Outcome: audit.Failed})))
	w.clock.Advance(62 * 24 * time.Hour)
	for range 100 {
		var rows []store.Change
		for range store.MaxWrite {
			rows = append(rows, w.row(audit.Event{Target: "else"}))
		}
		require.NoError(w, w.handle().Write(w.Context(), rows...))
	}
	query := "outcome=failed&limit=1&start=" + began.Format(time.RFC3339)
	page := w.page(query)
	require.Empty(w, page.Items)
	require.NotEmpty(w, page.Next)
	page = w.page(query + "&cursor=" + page.Next)
	require.Len(w, page.Items, 1)
	require.Equal(w, "wanted", page.Items[0].Target)
	require.Empty(w, page.Next)
}

func TestCSVOfTooMuchIsRefusedWithAdvice(t *testing.T) {
	w := newWorld(t, openBolt)
	began := w.clock.Now().Format(time.RFC3339)
	for range 20 {
		var rows []store.Change
		for range store.MaxWrite {
			rows = append(rows, w.row(audit.Event{Target: "big", After: map[string]string{"a": strings.Repeat("é", 250), "b": strings.Repeat("\\", 250),
				"c": strings.Repeat("x", 500), "d": strings.Repeat("y", 500), "e": strings.Repeat("z", 500)}, Reason: strings.Repeat("r", 500)}))
		}
		require.NoError(w, w.handle().Write(w.Context(), rows...))
		w.clock.Advance(time.Hour)
	}
	for query, status := range map[string]int{"": 422, "?end=" + began: 200, "?start=" + w.clock.Now().Add(-6*time.Hour).Format(time.RFC3339): 200} {
		r := httptest.NewRequest("GET", "/v1/tenants/"+home+"/audit"+query, nil)
		r.Header.Set("Accept", "text/csv")
		answer := httptest.NewRecorder()
		w.http.ServeHTTP(answer, r)
		require.Equal(w, status, answer.Code, query)
		if status == 422 {
			require.Contains(w, answer.Body.String(), "Ask for a shorter range")
		}
	}
}

// A cursor of a list without a range stays good while the range moves on, even past it.
func TestACursorOfTheLastThirtyDaysMayGrowOld(t *testing.T) {
	onBoth(t, func(w *world) {
		for i := range 4 {
			require.NoError(w, w.handle().Write(w.Context(), w.row(audit.Event{Target: fmt.Sprint(i)})))
			w.clock.Advance(time.Hour)
		}
		page := w.page("limit=2")
		require.Equal(w, []string{"3", "2"}, targets(page))
		w.clock.Advance(30*24*time.Hour - 3*time.Hour)
		require.Equal(w, []string{"1"}, targets(w.page("limit=2&cursor="+page.Next)))
		w.clock.Advance(24 * time.Hour)
		again := w.page("limit=2&cursor=" + page.Next)
		require.Empty(w, again.Items)
		require.Empty(w, again.Next)
	})
}

func targets(p route.Page[audit.Row]) (all []string) {
	for _, r := range p.Items {
		all = append(all, r.Target)
	}
	return all
}

// Whatever changes, a row is small, of valid text, and names every field that changed.
func TestARowIsSmall(t *testing.T) {
	clock := storetest.NewClock()
	rapid.Check(t, func(t *rapid.T) {
		entity := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,12}`), rapid.StringN(0, 20, 100), 0, 30)
		before, after := entity.Draw(t, "before"), entity.Draw(t, "after")
		if long := rapid.SampledFrom([]string{"", "é", "\"", "\xff"}).Draw(t, "long"); long != "" {
			after["long"] = strings.Repeat(long, 3000)
		}
		c, err := audit.Log{Clock: clock.Now, Random: rand.Reader}.Row(context.Background(), owner(t),
			audit.Event{Target: "x", Before: before, After: after, Reason: strings.Repeat("é", 1000)})
		require.NoError(t, err)
		row := c.Value.(audit.Row)
		var want []string
		for name := range after {
			if b, ok := before[name]; !ok || b != after[name] {
				want = append(want, name)
			}
		}
		for name := range before {
			if _, ok := after[name]; !ok {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		var got []string
		size := 0
		for _, f := range row.Changes {
			got = append(got, f.Name)
			size += len(f.Before) + len(f.After)
			require.True(t, utf8.ValidString(string(f.Before+f.After)))
		}
		require.Equal(t, slices.DeleteFunc(want, func(n string) bool { return n == "id" }), got)
		require.LessOrEqual(t, size, 4000)
		require.LessOrEqual(t, len(row.Reason), 500)
	})
}

// Values are stored as text, and shown as what they are; what was cut is told from a text.
func TestValuesAreShownAsWhatTheyAre(t *testing.T) {
	x := strings.Repeat("x", 496)
	for name, c := range map[string]struct{ value, stored, shown string }{
		"a text":                       {`"a \"b\" ‹"`, `"a \"b\" ‹"`, `"a \"b\" ‹"`},
		"a number as it was":           {`0.10000000000000000000001`, `0.10000000000000000000001`, `0.10000000000000000000001`},
		"nothing":                      {`null`, `null`, `null`},
		"a list":                       {`["a","b"]`, `["a","b"]`, `["a","b"]`},
		"an object":                    {`{"a":{"b":[1,true]}}`, `{"a":{"b":[1,true]}}`, `{"a":{"b":[1,true]}}`},
		"a text that ends like a part": {`"a..."`, `"a..."`, `"a..."`},
		"what is too long":             {`"` + x + `xxxx"`, `"` + x + `...`, `{"cut":"\"` + x + `..."}`},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(w *world) {
				change := w.row(audit.Event{Target: "x", After: map[string]json.RawMessage{"field": json.RawMessage(c.value)}})
				require.NoError(w, w.handle().Write(w.Context(), change))
				var stored struct {
					Changes []struct {
						After string `json:"after"`
					} `json:"changes"`
				}
				_, err := w.handle().Read(w.Context(), change.Key, &stored)
				require.NoError(w, err)
				require.Equal(w, c.stored, stored.Changes[0].After)
				var shown struct {
					Items []struct{ Changes []json.RawMessage }
				}
				w.get("", &shown)
				require.Equal(w, `{"name":"field","after":`+c.shown+`}`, string(shown.Items[0].Changes[0]))
				require.Equal(w, change.Value.(audit.Row).Changes, w.page("").Items[0].Changes)
			})
		})
	}
}

func TestAnEntityThatIsNoObjectIsNoRow(t *testing.T) {
	clock := storetest.NewClock()
	_, err := audit.Log{Clock: clock.Now, Random: rand.Reader}.Row(t.Context(), owner(t), audit.Event{After: "text"})
	require.Error(t, err)
	require.True(t, fault.Is(err, fault.Internal))
}

package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// engines are the real ones.
var engines = map[string]func(testing.TB) *apptest.App{
	"bolt": apptest.New,
	"DynamoDB": func(t testing.TB) *apptest.App {
		client := dynamolocal.Start(t)
		return apptest.On(t, func(t testing.TB, clock func() time.Time) apptest.Engine {
			names := dynamolocal.Tables(t, client)
			dynamolocal.Keep(t, client, names)
			return apptest.Engine{Engine: dynamo.New(client, dynamo.Options{Names: names, Clock: clock})}
		})
	},
}

// atOnce sends n requests at the same time and counts what becomes of them; those that are told to try again do.
func (s *small) atOnce(t *testing.T, n int, path string, body func(i int) string) map[int]int {
	var mu sync.Mutex
	all, start := map[int]int{}, make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			w := s.ask(t, "POST", path, body(i))
			for w.Code == 503 || w.Code == 409 && strings.Contains(w.Body.String(), "by others") {
				w = s.ask(t, "POST", path, body(i))
			}
			mu.Lock()
			defer mu.Unlock()
			all[w.Code]++
		})
	}
	close(start)
	group.Wait()
	return all
}

func csv(bytes int64) string {
	return fmt.Sprintf(`{"format":"csv","files":[{"sizeBytes":%d},{"sizeBytes":1}]}`, bytes-1)
}

// However many ask at once, no plan is passed.
func TestNoQuotaIsPassedAtOnce(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			s := newSmall(t, a)
			require.Equal(t, map[int]int{201: 5, 403: 7}, s.atOnce(t, 12, s.tenant+"/projects", func(i int) string {
				return fmt.Sprintf(`{"name":"p%d","environment":"test"}`, i)
			}))
			require.Equal(t, map[int]int{201: 2, 403: 6}, s.atOnce(t, 8, s.tenant+"/api-keys", func(i int) string {
				return fmt.Sprintf(`{"name":"k%d","role":"viewer"}`, i)
			}))
			require.Equal(t, map[int]int{201: 20, 429: 4}, s.atOnce(t, 24, s.tenant+"/imports", func(int) string { return csv(2) }))
			a.Advance(24 * time.Hour)
			s.token = a.As(t, "erin").Token
			require.Equal(t, map[int]int{201: 4, 429: 6}, s.atOnce(t, 10, s.tenant+"/imports", func(int) string { return csv(1 << 28) }))
		})
	}
}

func TestQuotasSayWhatIsUsedAndWhenItIsReset(t *testing.T) {
	a := apptest.New(t)
	s := newSmall(t, a)
	for i := range 5 {
		require.Equal(t, 201, s.ask(t, "POST", s.tenant+"/projects", fmt.Sprintf(`{"name":"p%d","environment":"test"}`, i)).Code)
	}
	w := s.ask(t, "POST", s.tenant+"/projects", `{"name":"p","environment":"test"}`)
	require.Equal(t, 403, w.Code)
	require.Contains(t, w.Body.String(), "The plan free has a limit of projects of 5")
	require.Contains(t, w.Body.String(), `"code":"limit-reached"`)
	require.Contains(t, w.Body.String(), `"limit":"projects"`)

	w = s.ask(t, "POST", s.tenant+"/imports", csv(1<<30+1))
	require.Equal(t, 403, w.Code, "no day has room for it")
	require.Contains(t, w.Body.String(), "importBytesPerDay of 1073741824")
	require.Equal(t, 201, s.ask(t, "POST", s.tenant+"/imports", csv(1<<30)).Code)
	w = s.ask(t, "POST", s.tenant+"/imports", csv(2))
	require.Equal(t, 429, w.Code)
	require.Contains(t, w.Body.String(), "importBytesPerDay of 1073741824, of which 1073741824 are used")
	require.Contains(t, w.Body.String(), "2026-03-03T00:00:00Z")
	require.Equal(t, "43200", w.Header().Get("Retry-After"), "it is noon")
	a.Advance(12 * time.Hour)
	s.token = a.As(t, "erin").Token
	for range 20 {
		require.Equal(t, 201, s.ask(t, "POST", s.tenant+"/imports", csv(2)).Code)
	}
	w = s.ask(t, "POST", s.tenant+"/imports", csv(2))
	require.Equal(t, 429, w.Code)
	require.Contains(t, w.Body.String(), "importsPerDay of 20, of which 20 are used")
	require.Equal(t, "86400", w.Header().Get("Retry-After"))
}

// What failed, or is repeated under its Idempotency-Key, counts once.
func TestARepeatedImportCountsOnce(t *testing.T) {
	for name, f := range map[string]storetest.Fault{"not written": storetest.NotWritten, "written": storetest.Written, "throttled": storetest.Throttled} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t)
			s := newSmall(t, a)
			s.key = "k"
			a.Faults.Plan(storetest.Every(storetest.Write, f))
			require.Equal(t, 503, s.ask(t, "POST", s.tenant+"/imports", csv(2)).Code)
			a.Faults.Plan(nil)
			ids := map[string]bool{}
			for range 30 {
				w := s.ask(t, "POST", s.tenant+"/imports", csv(2))
				require.Equal(t, 201, w.Code)
				var made struct{ ID string }
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &made))
				ids[made.ID] = true
			}
			require.Len(t, ids, 1)
			s.key = ""
			for range 19 {
				require.Equal(t, 201, s.ask(t, "POST", s.tenant+"/imports", csv(2)).Code)
			}
			require.Equal(t, 429, s.ask(t, "POST", s.tenant+"/imports", csv(2)).Code)
		})
	}
}

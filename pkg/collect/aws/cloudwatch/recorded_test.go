package cloudwatch_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cloudwatch"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// question is GetMetricData as the SDK asks it: RPC v2 with CBOR, where times are seconds of Unix with the tag 1.
type question struct {
	StartTime, EndTime time.Time
	NextToken          string
	MetricDataQueries  []struct {
		Id         string
		MetricStat struct {
			Period int
			Stat   string
			Metric struct {
				Namespace, MetricName string
				Dimensions            []struct{ Name, Value string }
			}
		}
	}
}

// answer is what GetMetricData answers, as it does: a time for each value, the statuses' own words.
type answer struct {
	MetricDataResults []result
	NextToken         string `cbor:",omitempty"`
}

type result struct {
	Id, Label, StatusCode string
	Timestamps            []cbor.Tag
	Values                []float64
}

func at(d calendar.Day) cbor.Tag { return cbor.Tag{Number: 1, Content: float64(d.Time().Unix())} }

// recorded plays answers of CloudWatch's.
type recorded struct {
	mu     sync.Mutex
	asked  []question
	answer func(n int, q question) (answer, string) // or the code of an error
}

func (r *recorded) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var q question
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	if err := cbor.NewDecoder(bytes.NewReader(body)).Decode(&q); err != nil || req.URL.Path != "/service/GraniteServiceVersion20100801/operation/GetMetricData" {
		http.Error(w, fmt.Sprint(req.URL.Path, err), http.StatusNotImplemented)
		return
	}
	r.asked = append(r.asked, q)
	a, code := r.answer(len(r.asked), q)
	if code != "" {
		w.WriteHeader(http.StatusBadRequest)
		_ = cbor.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.cloudwatch#" + code, "message": "no"})
		return
	}
	_ = cbor.NewEncoder(w).Encode(a)
}

// whole answers every metric of a question with a value of each of its days, by the metric's own place among them.
func whole(q question, value float64) (a answer) {
	for i, m := range q.MetricDataQueries {
		r := result{Id: m.Id, Label: m.MetricStat.Metric.MetricName, StatusCode: "Complete"}
		for d := calendar.DayOf(q.StartTime); d < calendar.DayOf(q.EndTime); d++ {
			r.Timestamps, r.Values = append(r.Timestamps, at(d)), append(r.Values, value+float64(i))
		}
		a.MetricDataResults = append(a.MetricDataResults, r)
	}
	return a
}

const account = "310000000001"

func arn(n int) string { return fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%03d", account, n) }

// play is a platform whose CloudWatch is recorded, with so many instances.
func play(t *testing.T, instances int, answers func(n int, q question) (answer, string)) (*apptest.App, *recorded, *cloudwatch.Collector) {
	a, r := apptest.New(t), &recorded{answer: answers}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	var found []resource.Sighting
	for n := range instances {
		found = append(found, resource.Sighting{ARN: arn(n)})
	}
	a.Sight(t, a.Alice.Tenant, account, found...)
	return a, r, &cloudwatch.Collector{Clock: a.Now, Random: rand.Reader, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Config: func(context.Context, *tenant.Scope, connection.Connection) (aws.Config, error) {
			config := mototest.Config(server.URL)
			config.HTTPClient = http.DefaultClient
			return config, nil
		}}
}

func TestPercentilesAreReadAsCloudWatchRecordsThem(t *testing.T) {
	var today calendar.Day
	a, r, c := play(t, 1, func(_ int, q question) (answer, string) {
		out := answer{}
		for _, m := range q.MetricDataQueries {
			one := result{Id: m.Id, Label: m.MetricStat.Metric.MetricName, StatusCode: "Complete"}
			if m.MetricStat.Metric.MetricName == "CPUUtilization" && m.MetricStat.Stat == "p99" {
				one.Timestamps = []cbor.Tag{at(today - 2), at(today - 1)}
				one.Values = []float64{98.73333333333333, 3.2833333333333337}
			}
			out.MetricDataResults = append(out.MetricDataResults, one)
		}
		return out, ""
	})
	today = calendar.DayOf(a.Now())
	require.NoError(t, collectAll(t, c, taskOf(t, a, a.Alice.Tenant, account, "")))
	require.Equal(t, map[string]map[string]float64{"i-000 CPUUtilization p99": {(today - 2).String(): 98.73333333333333, (today - 1).String(): 3.2833333333333337}}, values(t, a.Alice))
	require.Empty(t, values(t, a.Bob))
	q := r.asked[0]
	require.Equal(t, today-14, calendar.DayOf(q.StartTime))
	require.Equal(t, today.Time(), q.EndTime.UTC(), "today is not whole")
	require.Equal(t, 86400, q.MetricDataQueries[0].MetricStat.Period)
	require.Equal(t, []struct{ Name, Value string }{{"InstanceId", "i-000"}}, q.MetricDataQueries[0].MetricStat.Metric.Dimensions)
}

func TestBatchesOf500AndPagesAndThenDayByDay(t *testing.T) {
	a, r, c := play(t, 80, func(_ int, q question) (answer, string) {
		out := whole(q, 1)
		half := len(out.MetricDataResults) / 2
		if q.NextToken != "" {
			out.MetricDataResults = out.MetricDataResults[half:]
			return out, ""
		}
		out.MetricDataResults, out.NextToken = out.MetricDataResults[:half], "more"
		return out, ""
	})
	task := taskOf(t, a, a.Alice.Tenant, account, "")
	task.Until = a.Now() // each batch is late
	require.NoError(t, collectAll(t, c, task))
	instance, _ := metric.Of("ec2:instance")
	n := 80 * instance.Queries()
	require.Len(t, r.asked, 2*3, "%d metrics in 3 calls of 2 pages each", n)
	for _, q := range r.asked {
		require.LessOrEqual(t, len(q.MetricDataQueries), 500)
	}
	require.Equal(t, collect.Use{Metrics: int64(n), Calls: 6}, task.Spent(), "each metric is paid for once")
	require.Len(t, values(t, a.Alice), n)
	require.Len(t, values(t, a.Alice)["i-079 CPUUtilization p99"], 14)

	a.Advance(24 * time.Hour)
	a.Alice.Client = a.As(t, "alice") // the token ends
	r.asked = nil
	require.NoError(t, collectAll(t, c, taskOf(t, a, a.Alice.Tenant, account, "")))
	require.Equal(t, calendar.DayOf(a.Now())-3, calendar.DayOf(r.asked[0].StartTime), "a new day, and the two that were not final")
	require.Len(t, values(t, a.Alice)["i-079 CPUUtilization p99"], 14, "the list is of 14 days; all are there")
}

func TestWhatCloudWatchCannotGiveIsAskedAgainAndNotCalledFinal(t *testing.T) {
	for _, status := range []string{"InternalError", "PartialData", "Forbidden"} {
		t.Run(status, func(t *testing.T) {
			broken := 1000
			a, r, c := play(t, 1, func(n int, q question) (answer, string) {
				out := whole(q, 1)
				if n <= broken {
					out.MetricDataResults[0].StatusCode = status
				}
				return out, ""
			})
			require.NoError(t, collectAll(t, c, taskOf(t, a, a.Alice.Tenant, account, "")))
			instance, _ := metric.Of("ec2:instance")
			require.Equal(t, []int{instance.Queries(), 1, 1}, []int{len(r.asked[0].MetricDataQueries), len(r.asked[1].MetricDataQueries), len(r.asked[2].MetricDataQueries)})
			require.Len(t, values(t, a.Alice), instance.Queries()-1, "the others are there")
			book, err := metric.ReadBook(t.Context(), taskOf(t, a, a.Alice.Tenant, account, "").Tenant, account)
			require.NoError(t, err)
			require.Zero(t, book.Through)

			a.Advance(24 * time.Hour)
			a.Alice.Client = a.As(t, "alice") // the token ends
			r.asked, broken = nil, 1          // comes at the second time
			require.NoError(t, collectAll(t, c, taskOf(t, a, a.Alice.Tenant, account, "")))
			require.Len(t, r.asked, 2)
			require.Len(t, values(t, a.Alice), instance.Queries())
		})
	}
}

func TestHalfARunChangesNothingVisible(t *testing.T) {
	code := ""
	a, r, c := play(t, 80, func(n int, q question) (answer, string) {
		if n == 3 {
			return answer{}, code
		}
		return whole(q, 1), ""
	})
	task := taskOf(t, a, a.Alice.Tenant, account, "")
	code = "InternalServiceFault"
	err := collectAll(t, c, task)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.ErrorContains(t, err, "(InternalServiceFault)", "the one that was planned")
	require.Len(t, r.asked, 3, "each batch is asked for once")
	require.Empty(t, values(t, a.Alice))
	require.NoError(t, collectAll(t, c, taskOf(t, a, a.Alice.Tenant, account, "")), "the step is done again from its beginning")
	require.Len(t, values(t, a.Alice)["i-000 CPUUtilization Average"], 14)
}

func TestThrottledMetricsGoOnWhereTheyWere(t *testing.T) {
	a, r, c := play(t, 80, func(n int, q question) (answer, string) {
		if n == 2 {
			return answer{}, "ThrottlingException"
		}
		return whole(q, 1), ""
	})
	task := taskOf(t, a, a.Alice.Tenant, account, "")
	_, err := c.Collect(t.Context(), task)
	var slow *collect.Throttled
	require.ErrorAs(t, err, &slow)
	require.NoError(t, collectAll(t, c, task))
	require.Len(t, r.asked, 4, "the first batch is not asked for again")
	require.Len(t, values(t, a.Alice)["i-000 CPUUtilization Average"], 14)
}

func TestBeyondThePlansCapTheRestWaitsAndComesFirst(t *testing.T) {
	a, r, c := play(t, 80, func(_ int, q question) (answer, string) { return whole(q, 1), "" })
	task := taskOf(t, a, a.Alice.Tenant, account, "")
	task.Connection.CreatedAt, task.Connection.Kind = a.Now(), connection.Member
	require.NoError(t, task.Tenant.Write(t.Context(), store.Change{Key: store.Connection(task.Connection.ID), Value: task.Connection}))
	a.Collect.Collectors = map[collect.Kind]collect.Collector{collect.Metrics: c}
	run := func(left int64) (out struct {
		Status, Reason string
		Partial        bool
		Metrics        int64
		Counts         map[string]int64
	}) {
		spent, month := task.Scope.Standing().Plan.Limits().CollectionPagesPerMonth*1000-left, calendar.MonthOf(a.Now())
		_, err := task.Tenant.Add(t.Context(), store.Collected(month), map[string]int64{"thousandths": spent}, a.Now().Add(1000*time.Hour))
		require.NoError(t, err)
		runs := a.Alice.Path("/projects/" + string(a.Alice.Project) + "/runs")
		var made struct{ ID string }
		a.Alice.Do(t, "POST", runs, map[string]any{"kind": "metrics"}).Is(t, 202).Into(t, &made)
		require.NoError(t, a.WorkRuns(t))
		a.Alice.Get(t, runs+"/"+made.ID).Is(t, 200).Into(t, &out)
		return out
	}
	out := run(600)
	require.Equal(t, "succeeded", out.Status, out.Reason)
	require.True(t, out.Partial)
	require.Contains(t, out.Reason, "resources are still to be asked for, with which the next run begins. The plan ")
	require.Len(t, r.asked, 1, "what is not paid for is not asked")
	require.EqualValues(t, len(r.asked[0].MetricDataQueries), out.Metrics)
	instance, _ := metric.Of("ec2:instance")
	require.EqualValues(t, 80*instance.Queries(), out.Counts["estimatedMetrics"])
	first := values(t, a.Alice)
	require.Len(t, first, len(r.asked[0].MetricDataQueries))

	a.Advance(31 * 24 * time.Hour)    // another month
	a.Alice.Client = a.As(t, "alice") // the token ends
	r.asked = nil
	require.Equal(t, "succeeded", run(600).Status)
	name := r.asked[0].MetricDataQueries[0].MetricStat.Metric.Dimensions[0].Value
	require.NotContains(t, first, name+" CPUUtilization p99", "what waited comes first")
	a.Advance(time.Hour)
	a.Alice.Client = a.As(t, "alice") // the token ends
	r.asked = nil
	out = run(-1000)
	require.Equal(t, "failed", out.Status, "nothing of it is seen")
	require.Contains(t, out.Reason, "has a limit of collectionPagesPerMonth")
	require.Empty(t, r.asked, "nothing is left")
}

func TestPagesWithoutEndEndTheStep(t *testing.T) {
	for ring := range 3 {
		a, r, c := play(t, 1, func(n int, q question) (answer, string) {
			out := whole(q, 1)
			out.NextToken = fmt.Sprint("token ", n%(ring+1))
			return out, ""
		})
		_, err := c.Collect(t.Context(), taskOf(t, a, a.Alice.Tenant, account, ""))
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Less(t, len(r.asked), 10)
		require.Empty(t, values(t, a.Alice))
	}
}

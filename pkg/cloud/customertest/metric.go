package customertest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
)

const metricVersion = "2010-08-01"

// Sample tells an account's CloudWatch of a metric with one dimension, a minute between each of the values. There must be a moto.
func (c *Clouds) Sample(t testing.TB, account, region, namespace, name, dimension, of string, at time.Time, values ...float64) {
	t.Helper()
	form := url.Values{"Action": {"PutMetricData"}, "Version": {metricVersion}, "Namespace": {namespace}}
	for n, v := range values {
		one := fmt.Sprintf("MetricData.member.%d.", n+1)
		form.Set(one+"MetricName", name)
		form.Set(one+"Value", strconv.FormatFloat(v, 'g', -1, 64))
		form.Set(one+"Timestamp", at.Add(time.Duration(n)*time.Minute).UTC().Format(time.RFC3339))
		form.Set(one+"Dimensions.member.1.Name", dimension)
		form.Set(one+"Dimensions.member.1.Value", of)
	}
	require.NoError(t, c.askIn(t.Context(), region, account, "monitoring", form, &struct{}{}))
}

// question is GetMetricData as SDKs ask it now: RPC v2 with CBOR.
type question struct {
	StartTime, EndTime time.Time
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

// form is the question in AWS's query protocol, less the percentiles: moto has none.
func (q *question) form() url.Values {
	form, n := url.Values{"Action": {"GetMetricData"}, "Version": {metricVersion}, "StartTime": {q.StartTime.UTC().Format(time.RFC3339)},
		"EndTime": {q.EndTime.UTC().Format(time.RFC3339)}, "ScanBy": {"TimestampAscending"}}, 0
	for _, of := range q.MetricDataQueries {
		if strings.HasPrefix(of.MetricStat.Stat, "p") {
			continue
		}
		n++
		one := fmt.Sprintf("MetricDataQueries.member.%d.", n)
		form.Set(one+"Id", of.Id)
		form.Set(one+"ReturnData", "true")
		form.Set(one+"MetricStat.Period", strconv.Itoa(of.MetricStat.Period))
		form.Set(one+"MetricStat.Stat", of.MetricStat.Stat)
		form.Set(one+"MetricStat.Metric.Namespace", of.MetricStat.Metric.Namespace)
		form.Set(one+"MetricStat.Metric.MetricName", of.MetricStat.Metric.MetricName)
		for d, dimension := range of.MetricStat.Metric.Dimensions {
			form.Set(fmt.Sprintf("%sMetricStat.Metric.Dimensions.member.%d.Name", one, d+1), dimension.Name)
			form.Set(fmt.Sprintf("%sMetricStat.Metric.Dimensions.member.%d.Value", one, d+1), dimension.Value)
		}
	}
	return form
}

// measured is a metric of the answer: in moto's XML, and in CBOR, where a time is seconds of Unix with the tag 1.
type measured struct {
	Id, Label, StatusCode string
	Timestamps            []cbor.Tag `xml:"-"`
	Values                []float64  `xml:"Values>member"`
	At                    []string   `xml:"Timestamps>member" cbor:"-"`
}

// measures lets moto answer GetMetricData, which it knows in the query protocol alone. A percentile has no values.
func (c *Clouds) measures(w http.ResponseWriter, r *http.Request, body []byte) {
	var q question
	if err := cbor.NewDecoder(bytes.NewReader(body)).Decode(&q); err != nil {
		c.behind.ServeHTTP(w, r) // it is asked in that protocol
		return
	}
	form := q.form().Encode()
	asked := httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/", strings.NewReader(form))
	asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asked.Header.Set("Authorization", r.Header.Get("Authorization"))
	recorder := httptest.NewRecorder()
	c.behind.ServeHTTP(recorder, asked)
	var told struct {
		Results []measured `xml:"GetMetricDataResult>MetricDataResults>member"`
	}
	if err := xml.Unmarshal(recorder.Body.Bytes(), &told); err != nil || recorder.Code != http.StatusOK {
		http.Error(w, recorder.Body.String(), http.StatusBadGateway)
		return
	}
	of := map[string]measured{}
	for _, m := range told.Results {
		for _, at := range m.At {
			when, err := time.Parse(time.RFC3339, at)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			m.Timestamps = append(m.Timestamps, cbor.Tag{Number: 1, Content: float64(when.Unix())})
		}
		of[m.Id] = m
	}
	answer := struct{ MetricDataResults []measured }{[]measured{}}
	for _, asked := range q.MetricDataQueries {
		m := of[asked.Id]
		m.Id, m.Label, m.StatusCode = asked.Id, asked.MetricStat.Metric.MetricName, "Complete"
		answer.MetricDataResults = append(answer.MetricDataResults, m)
	}
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	_ = cbor.NewEncoder(w).Encode(answer)
}

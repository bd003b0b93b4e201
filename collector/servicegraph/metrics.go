package servicegraph

import (
	"sort"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// bounds of the histograms' buckets, in seconds.
var bounds = []float64{0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// ends are what an edge goes from and to.
type ends struct {
	client, server service
	kind           string
}

// edge is what was counted of the calls between two ends.
type edge struct {
	began, used    time.Time
	calls, failed  int64
	client, server histogram
}

type histogram struct {
	buckets [13]uint64 // one more than bounds
	sum     float64
	count   uint64
}

func (h *histogram) add(seconds float64) {
	h.buckets[sort.SearchFloat64s(bounds, seconds)]++
	h.sum += seconds
	h.count++
}

// metrics are all edges, cumulative since each was first seen.
func (c *calls) metrics(now time.Time) pmetric.Metrics {
	all := pmetric.NewMetrics()
	scope := all.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	scope.Scope().SetName("aegisops/collector/servicegraph")
	at := pcommon.NewTimestampFromTime(now)

	sums := []struct {
		name string
		of   func(*edge) int64
	}{
		{"traces_service_graph_request_total", func(e *edge) int64 { return e.calls }},
		{"traces_service_graph_request_failed_total", func(e *edge) int64 { return e.failed }},
	}
	for _, sum := range sums {
		points := appendSum(scope, sum.name)
		for between, edge := range c.edges {
			point := points.AppendEmpty()
			between.label(point.Attributes())
			point.SetStartTimestamp(pcommon.NewTimestampFromTime(edge.began))
			point.SetTimestamp(at)
			point.SetIntValue(sum.of(edge))
		}
	}

	histograms := []struct {
		name string
		of   func(*edge) *histogram
	}{
		{"traces_service_graph_request_client", func(e *edge) *histogram { return &e.client }},
		{"traces_service_graph_request_server", func(e *edge) *histogram { return &e.server }},
	}
	for _, one := range histograms {
		metric := scope.Metrics().AppendEmpty()
		metric.SetName(one.name)
		metric.SetUnit("s")
		metric.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for between, edge := range c.edges {
			counted := one.of(edge)
			if counted.count == 0 {
				continue
			}
			point := metric.Histogram().DataPoints().AppendEmpty()
			between.label(point.Attributes())
			point.SetStartTimestamp(pcommon.NewTimestampFromTime(edge.began))
			point.SetTimestamp(at)
			point.ExplicitBounds().FromRaw(bounds)
			point.BucketCounts().FromRaw(counted.buckets[:])
			point.SetSum(counted.sum)
			point.SetCount(counted.count)
		}
	}

	for name, value := range map[string]int64{
		"traces_service_graph_unpaired_spans_total": c.unpaired,
		"traces_service_graph_dropped_spans_total":  c.dropped,
	} {
		point := appendSum(scope, name).AppendEmpty()
		point.SetStartTimestamp(pcommon.NewTimestampFromTime(c.began))
		point.SetTimestamp(at)
		point.SetIntValue(value)
	}
	return all
}

func appendSum(scope pmetric.ScopeMetrics, name string) pmetric.NumberDataPointSlice {
	metric := scope.Metrics().AppendEmpty()
	metric.SetName(name)
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}

func (e ends) label(attributes pcommon.Map) {
	for name, value := range map[string]string{
		"client":                   e.client.name,
		"server":                   e.server.name,
		"client_service_namespace": e.client.namespace,
		"server_service_namespace": e.server.namespace,
		"connection_type":          e.kind,
	} {
		if value != "" {
			attributes.PutStr(name, value)
		}
	}
}

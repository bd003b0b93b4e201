package shard

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"
)

const services = 1000

// placed answers, by service, the name of the pipeline that its metrics went to.
func placed(t *testing.T, names ...string) map[string]string {
	t.Helper()
	sinks := map[pipeline.ID]consumer.Metrics{}
	for _, name := range names {
		sinks[pipeline.NewIDWithName(pipeline.SignalMetrics, name)] = new(consumertest.MetricsSink)
	}
	made, err := newMetrics(context.Background(), connector.Settings{}, &Config{By: []string{"service.name"}}, connector.NewMetricsRouter(sinks))
	if err != nil {
		t.Fatal(err)
	}
	data := pmetric.NewMetrics()
	for number := range services {
		resource := data.ResourceMetrics().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", fmt.Sprintf("service-%d", number))
		resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	}
	if err := made.ConsumeMetrics(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	for id, sink := range sinks {
		for _, metrics := range sink.(*consumertest.MetricsSink).AllMetrics() {
			for _, resource := range metrics.ResourceMetrics().All() {
				service, _ := resource.Resource().Attributes().Get("service.name")
				places[service.Str()] = id.Name()
			}
		}
	}
	if len(places) != services {
		t.Fatalf("%d services of %d arrived", len(places), services)
	}
	return places
}

func TestEveryNameGetsAboutItsShare(t *testing.T) {
	counts := map[string]int{}
	for _, name := range placed(t, "a", "b", "c", "d") {
		counts[name]++
	}
	for name, count := range counts {
		if count < services/4-60 || count > services/4+60 {
			t.Errorf("%s has %d services of %d", name, count, services)
		}
	}
}

func TestOnlyWhatANewNameGetsMoves(t *testing.T) {
	before, after := placed(t, "a", "b", "c"), placed(t, "a", "b", "c", "d")
	for service, name := range after {
		if name != "d" && name != before[service] {
			t.Errorf("%s moved from %s to %s", service, before[service], name)
		}
	}
}

func TestTracesGoWhereMetricsGo(t *testing.T) {
	places := placed(t, "a", "b")
	sinks := map[pipeline.ID]consumer.Traces{}
	for _, name := range []string{"a", "b"} {
		sinks[pipeline.NewIDWithName(pipeline.SignalTraces, name)] = new(consumertest.TracesSink)
	}
	made, err := newTraces(context.Background(), connector.Settings{}, &Config{By: []string{"service.name"}}, connector.NewTracesRouter(sinks))
	if err != nil {
		t.Fatal(err)
	}
	data := ptrace.NewTraces()
	for service := range places {
		data.ResourceSpans().AppendEmpty().Resource().Attributes().PutStr("service.name", service)
	}
	if err := made.ConsumeTraces(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	for id, sink := range sinks {
		for _, traces := range sink.(*consumertest.TracesSink).AllTraces() {
			for _, resource := range traces.ResourceSpans().All() {
				service, _ := resource.Resource().Attributes().Get("service.name")
				if id.Name() != places[service.Str()] {
					t.Errorf("traces of %s went to %s, metrics to %s", service.Str(), id.Name(), places[service.Str()])
				}
			}
		}
	}
}

func TestAServiceIsNamedByAtLeastOneAttribute(t *testing.T) {
	if (&Config{}).Validate() == nil {
		t.Error("accepted")
	}
	if err := (NewFactory().CreateDefaultConfig().(*Config)).Validate(); err != nil {
		t.Error(err)
	}
}

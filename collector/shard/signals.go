package shard

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A pipeline that fails holds up no other; its error is answered, and the sender repeats the whole.

type metrics struct {
	*shards[consumer.Metrics]
}

func newMetrics(_ context.Context, _ connector.Settings, config component.Config, next consumer.Metrics) (connector.Metrics, error) {
	made, err := newShards[consumer.Metrics](config, next)
	return metrics{made}, err
}

func (s metrics) ConsumeMetrics(ctx context.Context, data pmetric.Metrics) error {
	parts := map[int]pmetric.Metrics{}
	for _, one := range data.ResourceMetrics().All() {
		one.MoveTo(part(parts, s.of(one.Resource()), pmetric.NewMetrics).ResourceMetrics().AppendEmpty())
	}
	var failures error
	for i, part := range parts {
		failures = errors.Join(failures, s.consumers[i].ConsumeMetrics(ctx, part))
	}
	return failures
}

type logs struct {
	*shards[consumer.Logs]
}

func newLogs(_ context.Context, _ connector.Settings, config component.Config, next consumer.Logs) (connector.Logs, error) {
	made, err := newShards[consumer.Logs](config, next)
	return logs{made}, err
}

func (s logs) ConsumeLogs(ctx context.Context, data plog.Logs) error {
	parts := map[int]plog.Logs{}
	for _, one := range data.ResourceLogs().All() {
		one.MoveTo(part(parts, s.of(one.Resource()), plog.NewLogs).ResourceLogs().AppendEmpty())
	}
	var failures error
	for i, part := range parts {
		failures = errors.Join(failures, s.consumers[i].ConsumeLogs(ctx, part))
	}
	return failures
}

type traces struct {
	*shards[consumer.Traces]
}

func newTraces(_ context.Context, _ connector.Settings, config component.Config, next consumer.Traces) (connector.Traces, error) {
	made, err := newShards[consumer.Traces](config, next)
	return traces{made}, err
}

func (s traces) ConsumeTraces(ctx context.Context, data ptrace.Traces) error {
	parts := map[int]ptrace.Traces{}
	for _, one := range data.ResourceSpans().All() {
		one.MoveTo(part(parts, s.of(one.Resource()), ptrace.NewTraces).ResourceSpans().AppendEmpty())
	}
	var failures error
	for i, part := range parts {
		failures = errors.Join(failures, s.consumers[i].ConsumeTraces(ctx, part))
	}
	return failures
}

// Package shard is a connector that gives each service a pipeline of its own out of several, always the same one:
// its metrics, logs and traces, from every Collector that has the same pipelines, and after every restart.
//
// The pipelines are those that name the connector as their receiver. What comes after the slash of their names
// counts, so `metrics/a`, `logs/a` and `traces/a` belong together. A service goes to the name with the highest
// hash of both (rendezvous hashing: Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
// IEEE/ACM Transactions on Networking, 1998): when a name is added, only the services that now belong to it move.
package shard

import (
	"errors"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pipeline"
)

// Config says what makes a service.
type Config struct {
	// By: attributes of the resource whose values together name a service.
	By []string `mapstructure:"by"`
}

// Validate is called by the Collector before it starts.
func (c *Config) Validate() error {
	if len(c.By) == 0 {
		return errors.New("by: name at least one attribute of the resource, such as service.name")
	}
	return nil
}

// NewFactory is what the Collector makes the connector by.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		component.MustNewType("shard"),
		func() component.Config { return &Config{By: []string{"service.namespace", "service.name"}} },
		connector.WithMetricsToMetrics(newMetrics, component.StabilityLevelDevelopment),
		connector.WithLogsToLogs(newLogs, component.StabilityLevelDevelopment),
		connector.WithTracesToTraces(newTraces, component.StabilityLevelDevelopment),
	)
}

// router is what all three signals' routers of the Collector have in common.
type router[Consumer any] interface {
	PipelineIDs() []pipeline.ID
	Consumer(...pipeline.ID) (Consumer, error)
}

// shards are the pipelines of one signal to choose among.
type shards[Consumer any] struct {
	component.StartFunc
	component.ShutdownFunc
	by        []string
	names     []string
	consumers []Consumer
}

func newShards[Consumer any](config component.Config, next any) (*shards[Consumer], error) {
	pipelines, ok := next.(router[Consumer])
	if !ok {
		return nil, errors.New("shard is a receiver of pipelines and cannot be used in another place")
	}
	made := &shards[Consumer]{by: config.(*Config).By}
	for _, id := range pipelines.PipelineIDs() {
		consumer, err := pipelines.Consumer(id)
		if err != nil {
			return nil, err
		}
		made.names = append(made.names, id.Name())
		made.consumers = append(made.consumers, consumer)
	}
	return made, nil
}

// Capabilities says that what comes in is taken apart.
func (*shards[Consumer]) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// of answers the index of the pipeline that a resource belongs to.
func (s *shards[Consumer]) of(resource pcommon.Resource) int {
	var key []byte
	for _, name := range s.by {
		if value, ok := resource.Attributes().Get(name); ok {
			key = append(key, value.AsString()...)
		}
		key = append(key, 0)
	}
	best, highest := 0, uint64(0)
	for i, name := range s.names {
		if hash := xxhash.Sum64(append(key, name...)); hash >= highest {
			best, highest = i, hash
		}
	}
	return best
}

// part answers the part of the data for pipeline i, made when it is first asked for.
func part[Data any](parts map[int]Data, i int, make func() Data) Data {
	if _, ok := parts[i]; !ok {
		parts[i] = make()
	}
	return parts[i]
}

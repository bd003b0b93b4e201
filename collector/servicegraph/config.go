// Package servicegraph is a connector that draws who calls whom: from spans to metrics, one series an edge.
//
// A call is seen twice, as the span of its caller (kind client or producer) and as that of its callee (server or
// consumer), which has the first as its parent. Either may come first and by another request, so one waits for the
// other, for as long as `wait`. The metrics have the names and labels under which Grafana looks for a service graph:
//
//	traces_service_graph_request_total          calls
//	traces_service_graph_request_failed_total   those with an error on either side
//	traces_service_graph_request_client         histogram of seconds, as the caller saw it
//	traces_service_graph_request_server         histogram of seconds, as the callee did
//
// with `client`, `server`, their namespaces where they have one, and `connection_type`: empty between two services,
// `messaging_system` through a queue, `database` to one, and `virtual_node` where one side tells nothing of itself.
package servicegraph

import (
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
)

// Config bounds what is kept; whatever is beyond a bound is counted as dropped.
type Config struct {
	// Wait: how long one side of a call waits for the other.
	Wait time.Duration `mapstructure:"wait"`
	// MaxWaiting: how many sides may wait.
	MaxWaiting int `mapstructure:"max_waiting"`
	// MaxEdges: how many edges are kept.
	MaxEdges int `mapstructure:"max_edges"`
	// EdgeExpiration: an edge without a call for so long is forgotten.
	EdgeExpiration time.Duration `mapstructure:"edge_expiration"`
	// FlushInterval: how often the metrics go out.
	FlushInterval time.Duration `mapstructure:"metrics_flush_interval"`
}

// Validate is called by the Collector before it starts.
func (c *Config) Validate() error {
	if c.Wait <= 0 || c.EdgeExpiration <= 0 || c.FlushInterval <= 0 {
		return errors.New("wait, edge_expiration and metrics_flush_interval must be more than 0s")
	}
	if c.MaxWaiting < 1 || c.MaxEdges < 1 {
		return errors.New("max_waiting and max_edges must be at least 1")
	}
	return nil
}

func defaultConfig() component.Config {
	return &Config{
		Wait:           10 * time.Second,
		MaxWaiting:     50_000,
		MaxEdges:       5_000,
		EdgeExpiration: 5 * time.Minute,
		FlushInterval:  5 * time.Second,
	}
}

// NewFactory is what the Collector makes the connector by.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		component.MustNewType("servicegraph"),
		defaultConfig,
		connector.WithTracesToMetrics(newServiceGraph, component.StabilityLevelDevelopment),
	)
}

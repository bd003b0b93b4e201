package servicegraph

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
)

// serviceGraph takes spans in and sends metrics out at every flush. The lock is held while either looks at `calls`.
type serviceGraph struct {
	config *Config
	next   consumer.Metrics
	logger *zap.Logger
	stop   context.CancelFunc
	done   sync.WaitGroup

	lock  sync.Mutex
	calls *calls
}

func newServiceGraph(_ context.Context, settings connector.Settings, config component.Config, next consumer.Metrics) (connector.Traces, error) {
	own := config.(*Config)
	return &serviceGraph{config: own, next: next, logger: settings.Logger, calls: newCalls(own)}, nil
}

func (*serviceGraph) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

func (s *serviceGraph) Start(context.Context, component.Host) error {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() {
		ticker := time.NewTicker(s.config.FlushInterval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				s.flush(ctx, now)
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

func (s *serviceGraph) Shutdown(context.Context) error {
	if s.stop != nil {
		s.stop()
	}
	s.done.Wait()
	return nil
}

func (s *serviceGraph) ConsumeTraces(_ context.Context, traces ptrace.Traces) error {
	now := time.Now()
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, resource := range traces.ResourceSpans().All() {
		service := serviceOf(resource.Resource())
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				s.calls.see(service, span, now)
			}
		}
	}
	return nil
}

func (s *serviceGraph) flush(ctx context.Context, now time.Time) {
	s.lock.Lock()
	s.calls.expire(now)
	metrics := s.calls.metrics(now)
	s.lock.Unlock()
	if metrics.DataPointCount() == 0 {
		return
	}
	if err := s.next.ConsumeMetrics(ctx, metrics); err != nil {
		s.logger.Error("the metrics of the service graph were refused; the next ones count on", zap.Error(err))
	}
}

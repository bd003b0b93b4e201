package servicegraph

import (
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var (
	now  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	till = service{"shop", "till"}
	pay  = service{"shop", "pay"}
)

func graph() *calls { return newCalls(defaultConfig().(*Config)) }

// span of trace 1 that lasted 30 ms.
func span(kind ptrace.SpanKind, id, parent byte, attributes map[string]string) ptrace.Span {
	made := ptrace.NewSpan()
	made.SetKind(kind)
	made.SetTraceID(pcommon.TraceID{1})
	made.SetSpanID(pcommon.SpanID{id})
	made.SetParentSpanID(pcommon.SpanID{parent})
	made.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
	made.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(30 * time.Millisecond)))
	for name, value := range attributes {
		made.Attributes().PutStr(name, value)
	}
	return made
}

func client(id byte, attributes map[string]string) ptrace.Span {
	return span(ptrace.SpanKindClient, id, 0, attributes)
}

func server(id, parent byte) ptrace.Span { return span(ptrace.SpanKindServer, id, parent, nil) }

func only(t *testing.T, c *calls, between ends) *edge {
	t.Helper()
	if len(c.edges) != 1 || c.edges[between] == nil {
		t.Fatalf("edges are %v, not %v alone", c.edges, between)
	}
	return c.edges[between]
}

func TestACallIsCountedOnceBothSidesAreSeenInWhateverOrder(t *testing.T) {
	for name, order := range map[string][2]func(*calls){
		"client first": {func(c *calls) { c.see(till, client(2, nil), now) }, func(c *calls) { c.see(pay, server(3, 2), now) }},
		"server first": {func(c *calls) { c.see(pay, server(3, 2), now) }, func(c *calls) { c.see(till, client(2, nil), now) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := graph()
			order[0](c)
			if len(c.edges) != 0 {
				t.Fatal("counted with one side")
			}
			order[1](c)
			found := only(t, c, ends{client: till, server: pay})
			if found.calls != 1 || found.failed != 0 || found.client.count != 1 || found.server.count != 1 {
				t.Errorf("counted as %+v", found)
			}
			if found.client.buckets[4] != 1 {
				t.Errorf("30 ms is in none of %v's right buckets", found.client.buckets)
			}
			if len(c.waiting) != 0 || c.order.Len() != 0 {
				t.Error("a counted side still waits")
			}
		})
	}
}

func TestACallFailedWhenEitherSideSaysSo(t *testing.T) {
	c := graph()
	failed := server(3, 2)
	failed.Status().SetCode(ptrace.StatusCodeError)
	c.see(till, client(2, nil), now)
	c.see(pay, failed, now)
	if only(t, c, ends{client: till, server: pay}).failed != 1 {
		t.Error("not counted as failed")
	}
}

func TestTheSameSideAgainIsNoCall(t *testing.T) {
	c := graph()
	c.see(till, client(2, nil), now)
	c.see(till, client(2, nil), now)
	if len(c.edges) != 0 || len(c.waiting) != 1 {
		t.Errorf("edges %v, waiting %d", c.edges, len(c.waiting))
	}
}

func TestADatabaseIsCountedAtOnce(t *testing.T) {
	c := graph()
	c.see(pay, client(2, map[string]string{"db.system.name": "postgresql", "db.namespace": "orders"}), now)
	only(t, c, ends{client: pay, server: service{name: "orders"}, kind: "database"})
}

func TestARequestFromOutsideComesFromTheUser(t *testing.T) {
	c := graph()
	c.see(till, server(2, 0), now)
	only(t, c, ends{client: service{name: "user"}, server: till, kind: "virtual_node"})
}

func TestACalleeThatTellsNothingIsNamedByItsCallerAfterTheWait(t *testing.T) {
	c := graph()
	c.see(till, client(2, map[string]string{"server.address": "api.example.com"}), now)
	c.expire(now.Add(c.config.Wait - time.Second))
	if len(c.edges) != 0 {
		t.Fatal("given up too early")
	}
	c.expire(now.Add(c.config.Wait))
	only(t, c, ends{client: till, server: service{name: "api.example.com"}, kind: "virtual_node"})
}

func TestASideWithoutItsOtherIsCountedAsUnpaired(t *testing.T) {
	c := graph()
	c.see(pay, server(3, 2), now)
	c.expire(now.Add(c.config.Wait))
	if len(c.edges) != 0 || len(c.waiting) != 0 || c.unpaired != 1 {
		t.Errorf("edges %v, waiting %d, unpaired %d", c.edges, len(c.waiting), c.unpaired)
	}
}

func TestWhatIsBeyondTheBoundsIsCountedAsDropped(t *testing.T) {
	c := graph()
	c.config.MaxWaiting, c.config.MaxEdges = 1, 1
	c.see(till, client(2, nil), now)
	c.see(till, client(3, nil), now)
	c.see(till, server(4, 0), now)
	c.see(pay, server(5, 0), now)
	if len(c.waiting) != 1 || len(c.edges) != 1 || c.dropped != 2 {
		t.Errorf("waiting %d, edges %d, dropped %d", len(c.waiting), len(c.edges), c.dropped)
	}
}

func TestAnEdgeOutOfUseIsForgotten(t *testing.T) {
	c := graph()
	c.see(till, server(2, 0), now)
	c.expire(now.Add(c.config.EdgeExpiration + time.Second))
	if len(c.edges) != 0 {
		t.Error("kept")
	}
}

func TestMetricsSayWhoCallsWhom(t *testing.T) {
	c := graph()
	c.see(till, client(2, nil), now)
	c.see(pay, server(3, 2), now)
	shown := map[string]pmetric.Metric{}
	for _, metric := range c.metrics(now).ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		shown[metric.Name()] = metric
	}
	point := shown["traces_service_graph_request_total"].Sum().DataPoints().At(0)
	want := map[string]any{
		"client": "till", "server": "pay", "client_service_namespace": "shop", "server_service_namespace": "shop",
	}
	for name, value := range want {
		if got := point.Attributes().AsRaw()[name]; got != value {
			t.Errorf("%s is %v, not %v", name, got, value)
		}
	}
	if point.IntValue() != 1 || point.Attributes().Len() != len(want) {
		t.Errorf("%d calls with %v", point.IntValue(), point.Attributes().AsRaw())
	}
	histogram := shown["traces_service_graph_request_server"].Histogram().DataPoints().At(0)
	if histogram.Count() != 1 || histogram.Sum() != 0.03 || histogram.BucketCounts().Len() != histogram.ExplicitBounds().Len()+1 {
		t.Errorf("histogram with %d calls, %g s", histogram.Count(), histogram.Sum())
	}
}

package servicegraph

import (
	"container/list"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// service is who emits spans.
type service struct{ namespace, name string }

func serviceOf(resource pcommon.Resource) service {
	return service{
		namespace: text(resource.Attributes(), "service.namespace"),
		name:      text(resource.Attributes(), "service.name"),
	}
}

// text answers the first of the attributes that is there and not empty.
func text(attributes pcommon.Map, names ...string) string {
	for _, name := range names {
		if value, ok := attributes.Get(name); ok && value.AsString() != "" {
			return value.AsString()
		}
	}
	return ""
}

// callID is the trace of a call and the span of its caller.
type callID struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

// side is what one span says of a call.
type side struct {
	id       callID
	caller   bool
	service  service
	peer     string // what the caller calls the callee
	kind     string
	failed   bool
	seconds  float64
	deadline time.Time
}

// calls are the sides that wait for their other, in the order in which they came, and the edges so far.
type calls struct {
	config   *Config
	waiting  map[callID]*list.Element
	order    *list.List
	edges    map[ends]*edge
	began    time.Time
	unpaired int64
	dropped  int64
}

func newCalls(config *Config) *calls {
	return &calls{
		config:  config,
		waiting: map[callID]*list.Element{},
		order:   list.New(),
		edges:   map[ends]*edge{},
		began:   time.Now(),
	}
}

// see takes one span into account.
func (c *calls) see(of service, span ptrace.Span, now time.Time) {
	if of.name == "" {
		return
	}
	seen := side{
		id:       callID{span.TraceID(), span.SpanID()},
		service:  of,
		failed:   span.Status().Code() == ptrace.StatusCodeError,
		seconds:  max(0, span.EndTimestamp().AsTime().Sub(span.StartTimestamp().AsTime()).Seconds()),
		deadline: now.Add(c.config.Wait),
	}
	switch span.Kind() {
	case ptrace.SpanKindClient, ptrace.SpanKindProducer:
		seen.caller = true
		if database := text(span.Attributes(), "db.system.name", "db.system"); database != "" {
			seen.kind = "database"
			seen.peer = text(span.Attributes(), "peer.service", "db.namespace", "db.name")
			if seen.peer == "" {
				seen.peer = database
			}
			c.count(seen, side{}, now) // no database sends the other side
			return
		}
		seen.peer = text(span.Attributes(), "peer.service", "server.address", "net.peer.name", "messaging.system")
	case ptrace.SpanKindServer, ptrace.SpanKindConsumer:
		if span.ParentSpanID().IsEmpty() {
			if span.Kind() == ptrace.SpanKindServer {
				c.count(side{service: service{name: "user"}, kind: "virtual_node"}, seen, now)
			}
			return
		}
		seen.id.span = span.ParentSpanID()
	default:
		return
	}
	if span.Kind() == ptrace.SpanKindProducer || span.Kind() == ptrace.SpanKindConsumer {
		seen.kind = "messaging_system"
	}
	c.pair(seen, now)
}

func (c *calls) pair(seen side, now time.Time) {
	element, known := c.waiting[seen.id]
	if !known {
		if len(c.waiting) >= c.config.MaxWaiting {
			c.dropped++
			return
		}
		c.waiting[seen.id] = c.order.PushBack(seen)
		return
	}
	other := element.Value.(side)
	switch {
	case seen.caller && !other.caller:
		c.count(seen, other, now)
	case other.caller && !seen.caller:
		c.count(other, seen, now)
	default:
		return // the same side again: a repeated request, or one message with several consumers
	}
	c.order.Remove(element)
	delete(c.waiting, seen.id)
}

// expire gives up on sides that have waited long enough, and forgets edges that are out of use.
func (c *calls) expire(now time.Time) {
	for first := c.order.Front(); first != nil; first = c.order.Front() {
		alone := first.Value.(side)
		if alone.deadline.After(now) {
			break
		}
		c.order.Remove(first)
		delete(c.waiting, alone.id)
		if alone.caller && alone.peer != "" {
			if alone.kind == "" {
				alone.kind = "virtual_node"
			}
			c.count(alone, side{}, now)
		} else {
			c.unpaired++
		}
	}
	for between, edge := range c.edges {
		if now.Sub(edge.used) > c.config.EdgeExpiration {
			delete(c.edges, between)
		}
	}
}

// count adds a call to its edge. Of a callee that tells nothing of itself, `server` is empty.
func (c *calls) count(client, server side, now time.Time) {
	between := ends{client: client.service, server: server.service, kind: client.kind}
	if server.service.name == "" {
		between.server.name = client.peer
	}
	counted, known := c.edges[between]
	if !known {
		if len(c.edges) >= c.config.MaxEdges {
			c.dropped++
			return
		}
		counted = &edge{began: now}
		c.edges[between] = counted
	}
	counted.used = now
	counted.calls++
	if client.failed || server.failed {
		counted.failed++
	}
	if client.caller {
		counted.client.add(client.seconds)
	}
	if server.service.name != "" {
		counted.server.add(server.seconds)
	}
}

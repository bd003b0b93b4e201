// Jaeger in the parts that the tests ask for: its store in memory, its query service with the HTTP API of that, and
// OTLP over gRPC as the way in. All of Jaeger, with the clients of six databases, takes five times as long to build.
// The module's path is one below Jaeger's because Go shows Jaeger's internal packages to no other.
package main

import (
	"context"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gorilla/mux"
	"github.com/jaegertracing/jaeger/cmd/query/app/apiv3"
	"github.com/jaegertracing/jaeger/cmd/query/app/querysvc/v2/querysvc"
	"github.com/jaegertracing/jaeger/internal/jptrace/sanitizer"
	config "github.com/jaegertracing/jaeger/internal/storage/v1/memory"
	"github.com/jaegertracing/jaeger/internal/storage/v2/memory"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // by which a Collector compresses
)

type receiver struct {
	ptraceotlp.UnimplementedGRPCServer
	store *memory.Store
}

// Export stores traces as Jaeger's own exporter does.
func (r *receiver) Export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), r.store.WriteTraces(ctx, sanitizer.Sanitize(request.Traces()))
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: jaeger QUERY_ADDRESS OTLP_ADDRESS")
	}
	log.Fatal(serve(os.Args[1], os.Args[2]))
}

// serve ends only with an error.
func serve(query, otlp string) error {
	store, err := memory.NewStore(config.Configuration{MaxTraces: 1000})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", otlp)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, &receiver{store: store})
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()

	router := mux.NewRouter()
	(&apiv3.HTTPGateway{
		QueryService: querysvc.NewQueryService(store, store, querysvc.QueryServiceOptions{}),
		Logger:       zap.NewExample(),
		Tracer:       noop.NewTracerProvider(),
	}).RegisterRoutes(router)
	go func() { ended <- http.ListenAndServe(query, router) }()
	return <-ended
}

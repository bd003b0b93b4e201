//go:build tools

// Package tools names the trace store that .ci/jaeger.sh builds for the tests.
package tools

import _ "github.com/jaegertracing/jaeger/cmd/jaeger"

#!/usr/bin/env bash
# Builds collector/build/aegisops-collector from manifest.yaml, unless it is there and up to date.
#   build.sh         needs Go; the first time takes some minutes, and Go keeps what it compiled
#   build.sh lock    makes go.mod and go.sum anew after a change of the manifest, and then builds
set -euo pipefail
cd "$(dirname "$0")"
builder=go.opentelemetry.io/collector/cmd/builder@v0.149.0
core=v0.149.0 # of what the manifest does not name
binary=build/aegisops-collector
export CGO_ENABLED=0

inputs() {
    { go version; cat build.sh manifest.yaml go.mod go.sum ./*/*.go; } | sha256sum
}

generate() {
    mkdir -p build
    go run "$builder" --config manifest.yaml --skip-get-modules --skip-compilation \
        >build/builder.log 2>&1 || { cat build/builder.log >&2; exit 1; }
    rm -f build/src/go.mod # what it generates belongs to the module of this folder, which pins more
}

lock() {
    rm -f go.mod go.sum
    go mod init aegisops/collector
    go mod edit -go 1.25.0
    generate
    {
        sed -n 's/^ *- gomod: //p' manifest.yaml | grep -v '^aegisops/collector '
        echo "go.opentelemetry.io/collector/otelcol $core"
    } | while read -r module version; do go mod edit -require "$module@$version"; done
    # Not `go mod tidy`: that also fetches what only the tests of others' modules need.
    go list -mod=mod -deps ./build/src >/dev/null
    go list -mod=mod -deps -test ./servicegraph ./shard >/dev/null
}

[ "${1:-}" = lock ] && lock
command -v go >/dev/null || { echo "collector/build.sh needs Go: https://go.dev/dl" >&2; exit 1; }
wanted=$(inputs)
if [ -x "$binary" ] && [ "$(cat build/inputs 2>/dev/null)" = "$wanted" ]; then exit; fi
generate
# No debug information is made, as the linker leaves it out, and little garbage collected: that saves a third of the time.
GOGC=400 go build -p "${AEGISOPS_BUILD_JOBS:-$(nproc)}" -mod=readonly -buildvcs=false -trimpath \
    -gcflags all=-dwarf=false -ldflags "-s -w" -o "$binary.new" ./build/src
mv "$binary.new" "$binary"
echo "$wanted" >build/inputs

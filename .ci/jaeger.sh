#!/usr/bin/env bash
# Jaeger for the tests, which run servers of their own: `jaeger.sh start DIRECTORY` prints the variable by which tests
# find the program and goes on building it (in the background: without Go's cache that takes minutes), `wait
# DIRECTORY` returns once it is there, `stop DIRECTORY` ends the build. Needs Go.
set -euo pipefail
directory=$(realpath -m "${2:?usage: jaeger.sh start|wait|stop DIRECTORY}")
module=$(realpath "$(dirname "$0")/../tests/jaeger")

start() {
    command -v go >/dev/null || { echo "the tests of an incident's span tree need Go: https://go.dev/dl" >&2; exit 1; }
    mkdir -p "$directory"
    setsid "$0" build "$directory" >"$directory/build.log" 2>&1 &
    echo $! >"$directory/build.pid"
    echo "AEGISOPS_TEST_JAEGER=$directory/jaeger"
}

build() {
    cd "$module"
    CGO_ENABLED=0 nice -n 10 go build -buildvcs=false -trimpath -mod=readonly -ldflags "-s -w" \
        -o "$directory/unfinished" .
    mv "$directory/unfinished" "$directory/jaeger"
}

wait_until_built() {
    until [ -f "$directory/jaeger" ]; do
        kill -0 "$(cat "$directory/build.pid")" 2>/dev/null || [ -f "$directory/jaeger" ] || {
            tail -n 40 "$directory/build.log" >&2
            echo "Jaeger could not be built" >&2
            exit 1
        }
        sleep 0.2
    done
}

stop() {
    [ -f "$directory/build.pid" ] || return 0
    kill -KILL -- "-$(cat "$directory/build.pid")" 2>/dev/null || return 0 # it was done
}

case $1 in
start | build | stop) "$1" ;;
wait) wait_until_built ;;
*) echo "usage: jaeger.sh start|wait|stop DIRECTORY" >&2 && exit 2 ;;
esac

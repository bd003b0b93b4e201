#!/usr/bin/env bash
# The real Collector for the tests: `collector.sh start DIRECTORY` prints the variable by which tests find it and goes
# on building it (in the background: without Go's cache that takes minutes), `wait DIRECTORY` returns once it is
# built, `stop DIRECTORY` ends a build that still runs. Needs Go.
set -euo pipefail
directory=$(realpath -m "${2:?usage: collector.sh start|wait|stop DIRECTORY}")
collector=$(realpath "$(dirname "$0")/../collector")

start() {
    mkdir -p "$directory"
    command -v go >/dev/null || { echo "the tests of the Collector need Go: https://go.dev/dl" >&2; exit 1; }
    setsid "$0" build "$directory" >"$directory/build.log" 2>&1 &
    echo $! >"$directory/build.pid"
    echo "AEGISOPS_TEST_COLLECTOR=$collector/build/aegisops-collector"
}

build() {
    AEGISOPS_BUILD_JOBS=1 nice -n 10 "$collector/build.sh"
    touch "$directory/built"
}

wait_until_built() {
    until [ -f "$directory/built" ]; do
        kill -0 "$(cat "$directory/build.pid")" 2>/dev/null || {
            [ -f "$directory/built" ] && return
            tail -n 40 "$directory/build.log" >&2
            echo "the Collector could not be built" >&2
            exit 1
        }
        sleep 0.2
    done
}

stop() {
    [ -f "$directory/build.pid" ] || return 0
    kill -KILL -- "-$(cat "$directory/build.pid")" 2>/dev/null || true
}

case $1 in
start | build | stop) "$1" ;;
wait) wait_until_built ;;
*) echo "usage: collector.sh start|wait|stop DIRECTORY" >&2 && exit 2 ;;
esac

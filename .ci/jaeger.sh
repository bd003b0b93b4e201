#!/usr/bin/env bash
# Jaeger for the tests, which run servers of their own: `jaeger.sh start DIRECTORY` prints the variable by which tests
# find the program and goes on building it (in the background: without Go's cache that takes a minute), `wait
# DIRECTORY` returns once it is there, `stop DIRECTORY` ends the build. Needs Go.
set -euo pipefail
directory=$(realpath -m "${2:?usage: jaeger.sh start|wait|stop DIRECTORY}")
. "$(dirname "$0")/background.sh"

start() {
    need_go
    in_background build
    echo "AEGISOPS_TEST_JAEGER=$directory/jaeger"
}

build() {
    cd "$(dirname "$0")/../tests/jaeger"
    build_for_tests -ldflags "-s -w" -o "$directory/unfinished" .
    mv "$directory/unfinished" "$directory/jaeger"
}

case $1 in
start | build | stop) "$1" ;;
wait) wait_for "$directory/jaeger" ;;
*) echo "usage: jaeger.sh start|wait|stop DIRECTORY" >&2 && exit 2 ;;
esac

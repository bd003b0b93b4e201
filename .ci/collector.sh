#!/usr/bin/env bash
# The real Collector for the tests: `collector.sh start DIRECTORY` prints the variable by which tests find it and goes
# on building it (in the background: without Go's cache that takes minutes), `wait DIRECTORY` returns once it is
# built, `stop DIRECTORY` ends a build that still runs. Needs Go.
set -euo pipefail
directory=$(realpath -m "${2:?usage: collector.sh start|wait|stop DIRECTORY}")
. "$(dirname "$0")/background.sh"
collector=$(realpath "$(dirname "$0")/../collector")

start() {
    need_go
    in_background build
    echo "AEGISOPS_TEST_COLLECTOR=$collector/build/aegisops-collector"
}

build() {
    AEGISOPS_BUILD_JOBS=1 nice -n 10 "$collector/build.sh"
    touch "$directory/built"
}

case $1 in
start | build | stop) "$1" ;;
wait) wait_for "$directory/built" ;;
*) echo "usage: collector.sh start|wait|stop DIRECTORY" >&2 && exit 2 ;;
esac

#!/usr/bin/env bash
# A Compose newer than Debian's for the tests: `compose.sh start DIRECTORY` prints the variable by which tests find the
# program and goes on building it (in the background: without Go's cache that takes minutes), `wait DIRECTORY` returns
# once it is there, `stop DIRECTORY` ends the build. Needs Go.
set -euo pipefail
directory=$(realpath -m "${2:?usage: compose.sh start|wait|stop DIRECTORY}")
. "$(dirname "$0")/background.sh"

start() {
    need_go
    in_background build
    echo "AEGISOPS_TEST_COMPOSE=$directory/docker-compose"
}

build() {
    cd "$(dirname "$0")/../tests/compose/client"
    build_for_tests -ldflags "-s -w" -o "$directory/unfinished" github.com/docker/compose/v5/cmd
    mv "$directory/unfinished" "$directory/docker-compose"
}

case $1 in
start | build | stop) "$1" ;;
wait) wait_for "$directory/docker-compose" ;;
*) echo "usage: compose.sh start|wait|stop DIRECTORY" >&2 && exit 2 ;;
esac

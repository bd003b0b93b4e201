#!/usr/bin/env bash
# The grammars of Grafana's and Prometheus' query editors, and the chart library of the radar, for the tests: `start
# DIRECTORY` installs them there and prints where they are (Node.js 20 or newer; on Debian, as root, it is installed
# where it is missing); `stop DIRECTORY` has nothing to end.
set -euo pipefail

case "${1:-}" in
start)
    directory=$(realpath -m "${2:?usage: grammars.sh start|stop DIRECTORY}")
    if ! command -v npm >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update && apt-get install --yes --no-install-recommends nodejs npm; } >&2
    fi
    mkdir -p "$directory"
    cp -r "$(dirname "$0")/../tests/grafana/node/." "$directory"
    (cd "$directory" && npm ci --no-audit --no-fund --loglevel=error) >&2
    echo "AEGISOPS_TEST_QUERY_GRAMMARS=$directory"
    ;;
stop) ;;
*)
    echo "usage: $0 start|stop DIRECTORY" >&2
    exit 2
    ;;
esac

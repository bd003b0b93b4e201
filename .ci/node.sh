#!/usr/bin/env bash
# Published Node.js programs and their OpenTelemetry instrumentation for the tests: `start DIRECTORY` installs them
# there and prints where they are (on Debian, as root, Node.js too where it is missing); `stop DIRECTORY` has nothing
# to end.
set -euo pipefail

case "${1:-}" in
start)
    directory=$(realpath -m "${2:?usage: node.sh start|stop DIRECTORY}")
    if ! command -v npm >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update && apt-get install --yes --no-install-recommends nodejs npm; } >&2
    fi
    mkdir -p "$directory"
    cp "$(dirname "$0")"/../tests/services/node/{.npmrc,package.json,package-lock.json} "$directory"
    (cd "$directory" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    echo "AEGISOPS_TEST_NODE_SERVICES=$directory"
    ;;
stop) ;;
*)
    echo "usage: $0 start|stop DIRECTORY" >&2
    exit 2
    ;;
esac

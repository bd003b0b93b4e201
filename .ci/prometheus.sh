#!/usr/bin/env bash
# Prometheus for the tests, which run servers of their own: `start DIRECTORY` installs it where it is missing (Debian,
# as root) and prints where it is; `stop DIRECTORY` has nothing to end.
set -euo pipefail

case "${1:-}" in
start)
    if ! command -v prometheus >/dev/null; then
        # Without this, the package would start a server of the system's own.
        export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
        { apt-get update && apt-get install --yes --no-install-recommends prometheus; } >&2
    fi
    echo "AEGISOPS_TEST_PROMETHEUS=$(command -v prometheus)"
    ;;
stop) ;;
*)
    echo "usage: $0 start|stop DIRECTORY" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# PostgreSQL's programs for the tests, which run servers of their own: `start DIRECTORY` installs them where they are
# missing (Debian, as root) and prints where they are; `stop DIRECTORY` has nothing to end.
set -euo pipefail

find_programs() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [[ -n $found && -x $found/initdb && -x $found/postgres ]] && echo "$found"
}

case "${1:-}" in
start)
    if ! programs=$(find_programs); then
        # Without this, the package would start a server of the system's own.
        export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
        { apt-get update && apt-get install --yes --no-install-recommends postgresql; } >&2
        programs=$(find_programs)
    fi
    echo "AEGISOPS_TEST_POSTGRESQL_BIN=$programs"
    ;;
stop) ;;
*)
    echo "usage: $0 start|stop DIRECTORY" >&2
    exit 2
    ;;
esac

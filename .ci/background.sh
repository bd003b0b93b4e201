# For a script of this folder that goes on in the background: it sources this with `directory` set.

# Runs `verb` of the script as a process group of its own.
in_background() {
    mkdir -p "$directory"
    setsid "$0" "$1" "$directory" >"$directory/background.log" 2>&1 &
    echo $! >"$directory/background.pid"
}

# Returns once the group has made that file; fails, and shows why, if it ends before.
wait_for() {
    until [ -e "$1" ]; do
        kill -0 "$(cat "$directory/background.pid")" 2>/dev/null || [ -e "$1" ] || {
            tail -n 40 "$directory"/*.log >&2
            echo "$0: $1 could not be made" >&2
            exit 1
        }
        sleep 0.2
    done
}

# Kills the group, as it has nothing that would have to be kept.
stop() {
    [ -f "$directory/background.pid" ] || return 0
    local group
    group=$(cat "$directory/background.pid")
    kill -KILL -- "-$group" 2>/dev/null || return 0 # it has ended
    for _ in $(seq 300); do
        kill -0 -- "-$group" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "$0: process group $group does not stop" >&2
    exit 1
}

need_go() {
    command -v go >/dev/null || { echo "$0 needs Go: https://go.dev/dl" >&2; exit 1; }
}

# `go build` of what tests alone run: to be built soon matters, not to be fast. Without inlining and debug information,
# and with less garbage collection in the compiler, it takes half the time.
build_for_tests() {
    CGO_ENABLED=0 GOGC=400 nice -n 10 go build -buildvcs=false -trimpath -mod=readonly \
        -gcflags "all=-l -dwarf=false" "$@"
}

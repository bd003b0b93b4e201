#!/usr/bin/env bash
# A Docker engine of its own for the tests: `engine.sh start DIRECTORY` prints the variable by which tests find it,
# `engine.sh stop DIRECTORY` ends it. It keeps all it has in DIRECTORY, makes no bridge and touches no firewall, so
# that it never meets another engine on the machine. Needs root and a Debian.
set -euo pipefail
directory=$2
socket="$directory/docker.sock"

install_missing() {
    local packages=()
    command -v dockerd >/dev/null || packages+=(docker.io)
    command -v busybox >/dev/null || packages+=(busybox-static)
    command -v docker-compose >/dev/null || packages+=(docker-compose)
    [ -x /usr/sbin/iptables ] || packages+=(iptables) # inside containers' networks, for the engine's DNS
    [ -x /usr/sbin/haproxy ] || packages+=(haproxy)
    [ -x /usr/sbin/nginx ] || packages+=(nginx)
    dpkg -s python3-venv >/dev/null 2>&1 || packages+=(python3-venv) # for images that tests make of what is here
    [ ${#packages[@]} -eq 0 ] && return
    echo "installing ${packages[*]}" >&2
    {
        apt-get update -qq
        # In runlevel 1 no service that comes with them is started.
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
    } >"$directory.apt.log" 2>&1 || {
        tail -n 20 "$directory.apt.log" >&2
        echo "cannot install ${packages[*]}; the tests of the Docker executor, the socket proxy and the Compose file need them (run as root, on Debian)" >&2
        exit 1
    }
}

start() {
    mkdir -p "$directory"
    install_missing
    echo '{}' >"$directory/daemon.json" # not the machine's own
    dockerd --config-file "$directory/daemon.json" --host "unix://$socket" --pidfile "$directory/dockerd.pid" \
        --data-root "$directory/data" --exec-root "$directory/exec" \
        --bridge none --iptables=false --ip6tables=false >"$directory/dockerd.log" 2>&1 &
    local engine=$!
    for _ in $(seq 300); do
        if [ -S "$socket" ] && grep -q "API listen on" "$directory/dockerd.log"; then
            echo "AEGISOPS_TEST_DOCKER_HOST=unix://$socket"
            return
        fi
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$directory/dockerd.log" >&2
    echo "dockerd did not start; it needs root, control groups and a file system for its layers" >&2
    kill "$engine" 2>/dev/null || true
    exit 1
}

stop() {
    [ -f "$directory/dockerd.pid" ] || return 0
    local engine
    engine=$(cat "$directory/dockerd.pid")
    kill "$engine" 2>/dev/null || return 0
    for _ in $(seq 300); do
        kill -0 "$engine" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "dockerd ($engine) does not stop" >&2
    exit 1
}

case $1 in
start | stop) "$1" ;;
*) echo "usage: engine.sh start|stop DIRECTORY" >&2 && exit 2 ;;
esac

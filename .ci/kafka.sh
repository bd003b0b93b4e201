#!/usr/bin/env bash
# A Kafka broker of its own for the tests, from its jars: `kafka.sh start DIRECTORY` prints the variable by which tests
# find it and goes on starting it in the background, `stop DIRECTORY` ends it. It keeps all it has in DIRECTORY and
# listens on 127.0.0.1 alone. Needs Maven and a Java of 17 or newer, or root and a Debian.
set -euo pipefail
directory=$(realpath -m "${2:?usage: kafka.sh start|stop DIRECTORY}")
. "$(dirname "$0")/background.sh"
pom=$(realpath "$(dirname "$0")/../tests/collector/kafka-broker/pom.xml")

start() {
    mkdir -p "$directory"
    local broker controller
    read -r broker controller < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))')
    cat >"$directory/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$broker,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$broker
log.dirs=$directory/data
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
EOF
    in_background serve
    echo "AEGISOPS_TEST_KAFKA=127.0.0.1:$broker"
}

serve() {
    if ! command -v mvn >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends maven default-jre-headless
    fi
    # --strict-checksums: what does not match the repository's checksum is not used.
    mvn --quiet --batch-mode --strict-checksums --file "$pom" dependency:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$directory/lib"
    local id
    id=$(python3 -c 'import base64, uuid; print(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))')
    java -Xmx128m -cp "$directory/lib/*" kafka.tools.StorageTool format "--cluster-id=$id" \
        --config "$directory/server.properties"
    exec java -Xmx256m -XX:+UseSerialGC -cp "$directory/lib/*" kafka.Kafka "$directory/server.properties"
}

case $1 in
start | serve | stop) "$1" ;;
*) echo "usage: kafka.sh start|stop DIRECTORY" >&2 && exit 2 ;;
esac

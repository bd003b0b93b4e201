#!/usr/bin/env bash
# A Kubernetes control plane of its own for the tests: etcd, kube-apiserver and the controllers of workloads, without
# nodes. `kubernetes.sh start DIRECTORY` prints the variable by which tests find it and goes on building it (in the
# background: without Go's cache that takes minutes), `wait DIRECTORY` returns once it answers, `stop DIRECTORY` ends
# it. It keeps all it has in DIRECTORY and listens on 127.0.0.1 alone. Needs Go, and for etcd root and a Debian.
set -euo pipefail
directory=$(realpath -m "${2:?usage: kubernetes.sh start|wait|stop DIRECTORY}")
. "$(dirname "$0")/background.sh"
modules=$(realpath "$(dirname "$0")/../tests/kubernetes/control-plane")
kubeconfig="$directory/kubeconfig"
controllers="deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller"
controllers+=",namespace-controller"

start() {
    need_go
    mkdir -p "$directory"
    install_missing
    in_background serve
    echo "AEGISOPS_TEST_KUBECONFIG=$kubeconfig"
}

install_missing() {
    local packages=()
    command -v etcd >/dev/null || packages+=(etcd-server)
    command -v curl >/dev/null || packages+=(curl)
    command -v openssl >/dev/null || packages+=(openssl)
    [ ${#packages[@]} -eq 0 ] && return
    echo "installing ${packages[*]}" >&2
    # Without RUNLEVEL, the package would start a server of the system's own.
    {
        apt-get update -qq
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${packages[@]}"
    } >"$directory/apt.log" 2>&1 || {
        tail -n 20 "$directory/apt.log" >&2
        echo "cannot install ${packages[*]}; the tests of the Kubernetes executor need them (run as root, on Debian)" >&2
        exit 1
    }
}

serve() {
    build
    openssl genrsa -out "$directory/accounts.key" 2048
    local token etcd_port peer_port port
    token=$(openssl rand -hex 16)
    echo "$token,admin,admin,system:masters" >"$directory/tokens.csv"
    read -r etcd_port peer_port port < <(free_ports)

    etcd --data-dir "$directory/etcd" --unsafe-no-fsync --logger zap \
        --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
        --listen-peer-urls "http://127.0.0.1:$peer_port" >"$directory/etcd.log" 2>&1 &
    "$directory/bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
        --bind-address 127.0.0.1 --secure-port "$port" --cert-dir "$directory/certificates" \
        --endpoint-reconciler-type none --service-cluster-ip-range 10.0.0.0/24 \
        --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$directory/accounts.key" \
        --service-account-signing-key-file "$directory/accounts.key" \
        --authorization-mode RBAC --token-auth-file "$directory/tokens.csv" \
        --disable-admission-plugins ServiceAccount >"$directory/kube-apiserver.log" 2>&1 &
    write_kubeconfig "$port" "$token" >"$kubeconfig.new"
    until_ready "$port"
    "$directory/bin/kube-controller-manager" --kubeconfig "$kubeconfig.new" --leader-elect=false \
        --secure-port 0 --controllers "$controllers" >"$directory/kube-controller-manager.log" 2>&1 &
    cp "$kubeconfig.new" "$kubeconfig"
    wait -n # each runs until it is stopped
    rm "$kubeconfig"
}

build() {
    cd "$modules"
    local version
    version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
    build_for_tests -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$directory/bin/" \
        k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager
}

free_ports() {
    python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in sockets))'
}

write_kubeconfig() {
    cat <<EOF
apiVersion: v1
kind: Config
clusters:
  - {name: tests, cluster: {server: "https://127.0.0.1:$1", certificate-authority: certificates/apiserver.crt}}
users:
  - {name: admin, user: {token: $2}}
contexts:
  - {name: admin, context: {cluster: tests, user: admin}}
current-context: admin
EOF
}

until_ready() {
    for _ in $(seq 600); do
        curl --silent --fail --insecure --noproxy '*' "https://127.0.0.1:$1/readyz" >/dev/null && return
        sleep 0.2
    done
    tail -n 20 "$directory"/*.log
    echo "kube-apiserver did not become ready"
    exit 1
}

case $1 in
start | serve | stop) "$1" ;;
wait) wait_for "$kubeconfig" ;;
*) echo "usage: kubernetes.sh start|wait|stop DIRECTORY" >&2 && exit 2 ;;
esac

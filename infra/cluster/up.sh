#!/usr/bin/env bash
# up.sh: a genuine Kubernetes of two nodes in namespaces of its own, in ten seconds; no port, route or rule of the machine is touched.
# PROGRAMS in the environment: the folder that build.sh names. down.sh takes all of it away.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/cluster/names.sh
source infra/cluster/names.sh
programs=$PROGRAMS

network() {
    local node
    ip netns add "$net"
    ip -n "$net" link set lo up
    ip -n "$net" link add lan type bridge
    ip -n "$net" addr add "$server/24" dev lan
    ip -n "$net" link set lan up
    for node in "${nodes[@]}"; do join_network "$node"; done
    for node in "${nodes[@]}"; do other_pods "$node"; done
}

join_network() {
    local node=$1 its=$net-$1
    ip netns add "$its"
    ip -n "$its" link set lo up
    ip -n "$net" link add "$node" type veth peer name eth0 netns "$its"
    ip -n "$net" link set "$node" master lan up
    ip -n "$its" addr add "$(node_address "$node")/24" dev eth0
    ip -n "$its" link set eth0 up
    ip -n "$its" route add default via "$server"
    ip -n "$net" route add "$(node_pods "$node")" via "$(node_address "$node")"
    ip netns exec "$its" sysctl -qw net.ipv4.ip_forward=1
}

other_pods() {
    local node
    for node in "${nodes[@]}"; do
        [[ $node == "$1" ]] || ip -n "$net-$1" route add "$(node_pods "$node")" via "$(node_address "$node")"
    done
}

# let_go: what a shell above holds open, such as a lock, is not the cluster's to keep: it lives on where that shell is killed
let_go() {
    local open
    for open in "/proc/$BASHPID/fd"/*; do
        open=${open##*/}
        ((open <= 2 || open == 255)) || exec {open}>&- # 255: the script, which bash closes itself
    done
}

# start NAME COMMAND...: beside the nodes, in the background, its id in a file
start() {
    local name=$1
    shift
    (
        let_go
        exec nsenter --net="/run/netns/$net" setsid "$@"
    ) >"$logs/$name.log" 2>&1 </dev/null &
    echo $! >"$logs/$name.pid"
}

control_plane() {
    local pki=$state/pki
    start etcd etcd --data-dir "$state/etcd" --unsafe-no-fsync --log-level error \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380
    start apiserver "$programs/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --advertise-address="$server" --secure-port=6443 \
        --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
        --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
        --service-account-key-file="$pki/accounts.key" --service-account-signing-key-file="$pki/accounts.key" \
        --service-account-issuer=https://kubernetes.default.svc --kubelet-preferred-address-types=InternalIP \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
        --service-cluster-ip-range=10.96.0.0/16
    until_true 60 "the API server" kubectl get --raw /readyz
    start controller-manager "$programs/kube-controller-manager" --kubeconfig="$pki/controller-manager.kubeconfig" \
        --use-service-account-credentials --leader-elect=false --service-account-private-key-file="$pki/accounts.key" \
        --root-ca-file="$pki/ca.crt" --bind-address=127.0.0.1
    start scheduler "$programs/kube-scheduler" --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}

# A cgroup in each hierarchy, which is the node's root: a group of cpuset takes no process before it has processors and memory.
node_cgroups() {
    local root group
    for root in $(awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts); do
        group=$root/$net/$1
        mkdir -p "$group"
        for part in "$root/$net" "$group"; do
            [[ ! -e $part/cpuset.cpus ]] || for file in cpus mems; do cat "${part%/*}/cpuset.$file" >"$part/cpuset.$file"; done
        done
        echo "$BASHPID" >"$group/cgroup.procs"
    done
}

start_node() {
    local node=$1
    (
        let_go
        node_cgroups "$node"
        exec nsenter --net="/run/netns/$net-$node" setsid unshare --pid --fork --kill-child --mount --propagation private --cgroup \
            bash infra/cluster/node.sh "$node"
    ) >"$logs/$node.log" 2>&1 </dev/null &
    echo $! >"$logs/$node.pid"
}

ready() { [[ $(kubectl get nodes --no-headers | grep -cw Ready) == "${#nodes[@]}" ]]; }

mkdir -p "$logs"
[[ -e $state/pause.tar ]] || bash infra/cluster/pause.sh "$state/pause.tar"
bash infra/cluster/pki.sh "$state/pki" "$server" "${nodes[@]}"
network
for node in "${nodes[@]}"; do start_node "$node"; done
control_plane
until_true 60 "ready nodes" ready

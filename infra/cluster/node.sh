#!/usr/bin/env bash
# node.sh NODE: the first process of a node's own namespaces. Everything of the node is below it and ends with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/cluster/names.sh
source infra/cluster/names.sh
programs=$PROGRAMS
node=$1
mine=$state/$node
address=$(node_address "$node")

# What a machine has to itself: processes, cgroups, pinned programs, sockets, and what its daemons keep.
own_mounts() {
    mkdir -p "$mine"/{lib,log}
    mount -t proc proc /proc
    own_cgroups
    mount -t bpf bpf /sys/fs/bpf
    mount -t tmpfs tmpfs /run
    mount --bind "$mine/lib" /var/lib
    mount --bind "$mine/log" /var/log
    mount --make-rshared /
}

own_cgroups() {
    local hierarchies kind at options
    mapfile -t hierarchies < <(awk '$3 ~ /^cgroup2?$/ {print $3, $2, $4}' /proc/mounts)
    [[ ${hierarchies[*]} == "cgroup2 /sys/fs/cgroup "* ]] || mount -t tmpfs tmpfs /sys/fs/cgroup
    for hierarchy in "${hierarchies[@]}"; do
        read -r kind at options <<<"$hierarchy"
        options=$(tr , '\n' <<<"$options" | grep -vE '^(rw|relatime|nosuid|nodev|noexec|nsdelegate|memory_recursiveprot|xattr|clone_children|release_agent=.*)$' | paste -sd ,) || true
        [[ $options != name=* ]] || options=none,$options
        mkdir -p "$at"
        mount -t "$kind" ${options:+-o "$options"} "$kind" "$at"
    done
}

pods_network() {
    mkdir -p "$mine/cni"
    cat >"$mine/cni/10-pods.conflist" <<END
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "$mine/addresses",
   "ranges": [[{"subnet": "$(node_pods "$node")"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}

# restrict_oom_score_adj: runc fails where the machine itself may not lower the score
containers() {
    cat >"$mine/containerd.toml" <<END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$mine/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
END
    containerd --config "$mine/containerd.toml" >"$logs/$node-containerd.log" 2>&1 &
    until_true 30 "containerd" ctr version
    ctr --namespace k8s.io images import "$state/pause.tar" >/dev/null
}

kubelet() {
    cat >"$mine/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: $state/pki/ca.crt}, webhook: {enabled: true}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
enforceNodeAllocatable: []
staticPodPath: $mine/static
resolvConf: ""
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
END
    mkdir -p "$mine/static"
    "$programs/kubelet" --config="$mine/kubelet.yaml" --kubeconfig="$state/pki/$node.kubeconfig" --hostname-override="$node" --node-ip="$address" \
        --node-labels="topology.kubernetes.io/region=region-1,topology.kubernetes.io/zone=$(node_zone "$node")" >"$logs/$node-kubelet.log" 2>&1 &
}

proxy() {
    "$programs/kube-proxy" --kubeconfig="$state/pki/proxy.kubeconfig" --hostname-override="$node" --cluster-cidr=10.244.0.0/16 \
        --conntrack-max-per-core=0 >"$logs/$node-proxy.log" 2>&1 &
}

api_answers() { curl --silent --insecure --output /dev/null "https://$server:6443/readyz"; }

own_mounts
pods_network
containers
until_true 60 "the API server" api_answers
kubelet
proxy
wait

#!/usr/bin/env bash
# run.sh COMMAND...: runs the command beside a Kubernetes of two nodes that have weir's images, and takes all of it away again.
# What it needs is fetched or built first, and kept: Kubernetes' programs and helm in ~/.cache/weir, the images in .cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/cluster/names.sh
source infra/cluster/names.sh

# A package's daemon must not start just because it was installed: the cluster starts its own.
policy=/usr/sbin/policy-rc.d
without_daemons() {
    local status=0
    [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && local made=1; }
    "$@" || status=$?
    [[ -z ${made:-} ]] || rm -f "$policy"
    return "$status"
}

import_images() {
    local node image
    for node in "${nodes[@]}"; do
        for image in "$images_dir"/*.tar; do
            on "$node" ctr --namespace k8s.io images import - <"$image" >/dev/null || fail "node $node does not take $image"
        done &
    done
    wait
}

is_root || fail "a cluster's namespaces, mounts and cgroups need root: sudo make test-cluster"
mkdir -p .cache
exec 9>.cache/cluster.lock
flock --nonblock 9 || { say "another run of this clone has the cluster: waiting for it"; flock 9; }
without_daemons apt_install "what a node of Kubernetes is made of" \
    etcd-server containerd runc containernetworking-plugins iptables conntrack iproute2 procps curl openssl gcc libc6-dev docker.io debootstrap
PROGRAMS=$(bash infra/cluster/build.sh)
export PROGRAMS
programs=$PROGRAMS
helm=$(bash infra/go-tools.sh helm)
bash infra/cluster/images.sh

trap 'bash infra/cluster/down.sh' EXIT
bash infra/cluster/down.sh
say "starting Kubernetes ${programs##*-} with ${#nodes[@]} nodes"
bash infra/cluster/up.sh
say "handing weir's images to its nodes"
import_images
WEIR_TEST_CLUSTER=$programs:${helm%/*} beside "$@" 9>&-

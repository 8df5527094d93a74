#!/usr/bin/env bash
# down.sh: ends what up.sh started, by its ids, and takes its namespaces, cgroups and data away; also what a run that was killed left.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/cluster/names.sh
source infra/cluster/names.sh

# ours PID: an id of a run long ago may be another's process by now
ours() { grep -qzE "$state|infra/cluster/|etcd-servers" "/proc/$1/cmdline" 2>/dev/null; }

end() {
    local process
    process=$(cat "$logs/$1.pid" 2>/dev/null) || return 0
    ! ours "$process" || { kill -CONT "$process"; kill -KILL "$process"; while ours "$process"; do sleep 0.05; done; } 2>/dev/null
    rm -f "$logs/$1.pid"
}

remove_cgroups() {
    local root
    for root in $(awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts); do
        [[ ! -d $root/$net ]] || find "$root/$net" -depth -type d -exec rmdir {} + 2>/dev/null
    done
    ! compgen -G "/sys/fs/cgroup/*/$net" >/dev/null
}

for node in "${nodes[@]}"; do end "$node"; done
for program in scheduler controller-manager apiserver etcd; do end "$program"; done
for name in "${nodes[@]/#/$net-}" "$net"; do ip netns delete "$name" 2>/dev/null; done
for _ in {1..50}; do remove_cgroups && break; sleep 0.1; done
rm -rf "$state"/{etcd,pki} "${nodes[@]/#/$state/}"
exit 0

#!/usr/bin/env bash
# The kernel's side: bcc, headers to compile against, bpffs and tracefs. Fails when traffic cannot be counted here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

modules=/lib/modules/$(uname -r)

# The headers of the running kernel, or Debian's of about the same age: the programs use stable interfaces only.
headers() {
    [[ -e $modules/build/include && -e $modules/source/include ]] && return 0
    is_root || { say "installing and linking kernel headers needs root"; return 1; }
    local arch flavour build
    arch=$(dpkg --print-architecture)
    if [[ ! -e $modules/build ]] && apt_lists && apt-cache show "linux-headers-$(uname -r)" >/dev/null 2>&1; then
        apt_install "the running kernel's headers" "linux-headers-$(uname -r)" && [[ -e $modules/build/include ]] && return 0
    fi
    for flavour in "cloud-$arch" "$arch"; do
        apt_install "kernel headers" "linux-headers-$flavour" && break
    done
    build=$(newest "/usr/src/linux-headers-*-$flavour")
    [[ -n $build ]] || { say "no kernel headers under /usr/src"; return 1; }
    say "linking $build under $modules"
    mkdir -p "$modules"
    ln -sfn "$build" "$modules/build"
    ln -sfn "${build%-"$flavour"}-common" "$modules/source"
}

newest() { compgen -G "$1" | sort -V | tail -n 1; }

# mounted TYPE DIRECTORY
mounted() {
    grep -q " $2 $1 " /proc/mounts && return 0
    is_root || { say "mounting $2 needs root: sudo mount -t $1 $1 $2"; return 1; }
    say "mounting $1 on $2"
    mount -t "$1" "$1" "$2" || { say "this kernel, or this container, refuses to mount $1"; return 1; }
}

# the tools make and inspect the namespaces that the demo and the tests play nodes with
apt_install "the eBPF compiler and network tools" python3-bpfcc iproute2 iptables ethtool procps
headers
mounted bpf /sys/fs/bpf
mounted tracefs /sys/kernel/tracing || true # absent from some kernels, and wanted by later capture only
grep -q ' cgroup2 ' /proc/mounts || { say "no cgroup v2 is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup"; exit 1; }
is_root || { say "counting in the kernel needs root"; exit 1; }

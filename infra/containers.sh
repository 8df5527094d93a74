#!/usr/bin/env bash
# containers.sh COMMAND...: runs the command with a container engine at hand and the image that the tests' servers run in.
# Uses the engine that runs; otherwise installs one and starts it for as long as the command takes, in .cache/containers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

image=weir-test-servers
label=weir.test=$PWD
state=$PWD/.cache/containers
log=$state/dockerd.log
answers() { docker version >/dev/null 2>&1; }

# An engine of our own: its socket and its data are apart from whatever else the machine may have, its firewall and routing are let
# alone (published ports are served by a process), and the bridge goes with it.
start_engine() {
    is_root || fail "no container engine answers, and starting one needs root: start Docker"
    apt_install "a container engine" docker.io iptables || fail "a container engine is missing: apt-get install docker.io"
    say "starting a container engine in $state"
    [[ -e /sys/class/net/docker0 ]] || bridge=docker0
    dockerd --host "unix://$state/docker.sock" --data-root "$state/data" --exec-root "$state/run" --pidfile "$state/dockerd.pid" \
        --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false >"$log" 2>&1 9>&- &
    engine=$!
    export DOCKER_HOST=unix://$state/docker.sock
    for _ in {1..150}; do
        answers && return 0
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 5 "$log" >&2
    fail "the container engine did not start: its log is $log"
}

# Debian's own packages, where nothing can be pulled: the programs are those that the tests start outside of containers, too.
build_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return 0
    is_root || fail "making the image $image needs root"
    apt_install "a maker of images" debootstrap || fail "debootstrap is missing: apt-get install debootstrap"
    local tree=$state/tree mirror
    mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 | tr -d ' ')
    say "making the image $image from Debian's packages (two minutes, once)"
    rm -rf "$tree"
    debootstrap --variant=minbase --include=openjdk-17-jre-headless,clickhouse-server,python3,python3-distutils \
        bookworm "$tree" "${mirror:-http://deb.debian.org/debian}" >"$state/debootstrap.log" 2>&1 ||
        { tail -n 5 "$state/debootstrap.log" >&2; fail "debootstrap failed: its log is $state/debootstrap.log"; }
    rm -rf "$tree"/var/cache/apt/archives/*.deb
    tar -C "$tree" -c . | docker import - "$image" >/dev/null
    rm -rf "$tree"
}

clean_up() {
    local left
    left=$(docker ps --all --quiet --filter "label=$label" 2>/dev/null) || true
    # shellcheck disable=SC2086 (a list of ids)
    [[ -z $left ]] || docker rm --force $left >/dev/null
    [[ -z ${engine:-} ]] || { kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null; } || true
    [[ -z ${bridge:-} ]] || ip link delete "$bridge" 2>/dev/null || true
}

mkdir -p "$state"
exec 9>"$state/lock"
flock --nonblock 9 || { say "another run of this clone has the containers: waiting for it"; flock 9; }
export PATH=$PATH:/usr/sbin:/sbin
trap clean_up EXIT
command -v docker >/dev/null && answers || start_engine
build_image
WEIR_TEST_CONTAINERS=1 "$@" 9>&-

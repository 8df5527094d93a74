#!/usr/bin/env bash
# containers.sh COMMAND...: runs the command with a container engine at hand and the image that the tests' servers run in.
# Uses the engine that runs; otherwise installs one and starts it for as long as the command takes, in .cache/containers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/engine.sh
source infra/engine.sh

image=weir-test-servers
label=weir.test=$PWD
state=$PWD/.cache/containers

# Debian's own packages, where nothing can be pulled: the programs are those that the tests start outside of containers, too.
build_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return 0
    is_root || fail "making the image $image needs root"
    apt_install "a maker of images" debootstrap || fail "debootstrap is missing: apt-get install debootstrap"
    local tree=$state/tree mirror
    mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 | tr -d ' ') || true # one of the files may not be there
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
    stop_engine
}

lock_engine
trap clean_up EXIT
an_engine
build_image
WEIR_TEST_CONTAINERS=1 "$@" 9>&-

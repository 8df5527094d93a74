#!/usr/bin/env bash
# base-image.sh NAME: makes a Debian of this machine's own packages and imports it as the image NAME, where no registry of images answers.
# Builds on it trust what this machine trusts and ask the package registries as it does: its CA certificates, apt's sources and
# pip's file are in this image, which only the build's first stages are made from. The images that come out hold none of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

name=${1:?"base-image.sh NAME"}
release=bookworm
sources=/etc/apt/sources.list.d/debian.sources

is_root || fail "making the image $name needs root"
export PATH=$PATH:/usr/sbin:/sbin
apt_install "a maker of images" debootstrap || fail "debootstrap is missing: apt-get install debootstrap"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
# where this machine's own Debian comes from; without a word of it debootstrap knows one
mirror=$({ cat /etc/apt/sources.list "$sources" 2>/dev/null || true; } | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ') || true

say "making the image $name from Debian's packages (a minute, once)"
# shellcheck disable=SC2086 (no mirror, no argument)
debootstrap --variant=minbase --include=ca-certificates "$release" "$tree" ${mirror:-} >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2; fail "debootstrap failed: its last lines are above"; }
if [[ -f $sources ]]; then
    cp -L "$sources" "$tree/etc/apt/sources.list.d/"
    rm -f "$tree/etc/apt/sources.list"
fi
find /etc/apt/apt.conf.d -name '99*' -exec cp -L {} "$tree/etc/apt/apt.conf.d/" \;
find /usr/local/share/ca-certificates -name '*.crt' -exec cp -L {} "$tree/usr/local/share/ca-certificates/" \; 2>/dev/null || true
chroot "$tree" update-ca-certificates >/dev/null 2>&1
[[ ! -f /etc/pip.conf ]] || cp -L /etc/pip.conf "$tree/etc/pip.conf"
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
tar -C "$tree" --numeric-owner --exclude='./dev/*' -c . | docker import - "$name" >/dev/null

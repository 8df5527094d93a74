#!/usr/bin/env bash
# pause.sh TAR: the sandbox image localhost/pause:1 as `docker save` would write it, from cc, tar and sha256sum alone.
set -euo pipefail
tar=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"
cc -Os -static -s -o "$work/root/pause" pause.c
tar -C "$work/root" --sort=name --owner=0 --group=0 --mtime=@0 -cf "$work/layer.tar" .
digest=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$digest" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["localhost/pause:1"],"Layers":["layer.tar"]}]' >"$work/manifest.json"
tar -C "$work" -cf "$tar" manifest.json config.json layer.tar

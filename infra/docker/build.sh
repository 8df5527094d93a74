#!/usr/bin/env bash
# build.sh [TAG [PREFIX]]: makes the images PREFIXweir-agent:TAG and PREFIXweir-worker:TAG; TAG is weir's version where none is given.
# It uses the engine that `docker` speaks to. BASE names another Debian 12 to build on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

tag=${1:-$(sed -nE 's/^version = "(.+)"$/\1/p' pyproject.toml)}
prefix=${2:-}
base=${BASE:-debian:bookworm-slim}
own_base=weir-base:bookworm

present() { docker image inspect "$1" >/dev/null 2>&1; }

docker version >/dev/null 2>&1 || fail "no container engine answers to 'docker version': start Docker"
if ! present "$base" && ! timeout 120 docker pull --quiet "$base" >/dev/null 2>&1; then
    say "$base cannot be pulled here"
    present "$own_base" || bash infra/docker/base-image.sh "$own_base"
    base=$own_base
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in agent worker; do
    say "building ${prefix}weir-$target:$tag (minutes for the first time)"
    # the host's network: what package registries the machine reaches, the build reaches, whatever the engine's bridge does
    docker build --network=host --build-arg "BASE=$base" --file infra/docker/Dockerfile --target "$target" \
        --tag "${prefix}weir-$target:$tag" . >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "that failed: its last lines are above"; }
done
docker image inspect --format '{{index .RepoTags 0}} {{.Size}}' "${prefix}weir-agent:$tag" "${prefix}weir-worker:$tag" |
    while read -r name bytes; do say "$name: $((bytes / 1000000)) MB"; done

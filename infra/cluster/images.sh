#!/usr/bin/env bash
# images.sh: weir's images, built where their inputs have changed since the last time, and known to the cluster's nodes as localhost/weir-*:test.
# To be run by infra/containers.sh, which has an engine at hand; the nodes take them from .cache/cluster/images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/cluster/names.sh
source infra/cluster/names.sh

images=(weir-agent weir-worker)

bash infra/docker/build.sh test localhost/
for image in "${images[@]}"; do
    docker save --output "$images_dir/$image.tar.part" "localhost/$image:test"
    mv "$images_dir/$image.tar.part" "$images_dir/$image.tar"
done

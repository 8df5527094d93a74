#!/usr/bin/env bash
# images.sh: weir's images as archives in .cache/cluster-images, named localhost/weir-*:test; made anew where what they are made of has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/engine.sh
source infra/engine.sh
# shellcheck source=infra/cluster/names.sh
source infra/cluster/names.sh

inputs() {
    git ls-files --cached --others --exclude-standard bpf infra/docker producers schemas sinks streams weir pyproject.toml README.md LICENSE .dockerignore |
        while read -r file; do [[ ! -f $file ]] || sha256sum "$file"; done | sha256sum
}

save() {
    docker save --output "$images_dir/$1.part" "localhost/$1:test"
    mv "$images_dir/$1.part" "$images_dir/$1.tar"
}

mkdir -p "$images_dir"
lock_engine
wanted=$(inputs)
[[ $(cat "$images_dir/inputs" 2>/dev/null) != "$wanted" ]] || exit 0
rm -f "$images_dir/inputs"
trap stop_engine EXIT
an_engine
bash infra/docker/build.sh test localhost/ 9>&-
for image in weir-agent weir-worker; do save "$image"; done
echo "$wanted" >"$images_dir/inputs"

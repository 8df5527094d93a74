#!/usr/bin/env bash
# console.sh: what it takes to build the console's page and to test it, in console/node_modules, exactly as package-lock.json names it.
# The Node is that of the tests' virtual environment: Debian 12's is too old for Vite.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

stamp=console/node_modules/.weir-installed
identity() { cat console/package.json console/package-lock.json | sha256sum | cut -d ' ' -f 1; }

done_already() { [[ -f $stamp && $(<"$stamp") == "$(identity)" ]]; }

done_already && exit 0
alone
done_already && exit 0
export PATH=$PWD/.venv/bin:$PATH
say "installing what builds and tests the console's page, with npm (half a minute, once)"
retry 3 npm --prefix console ci --no-audit --no-fund --loglevel=error >&2 || fail "npm could not install it: its reason is above; run the same command again"
identity >"$stamp"

#!/usr/bin/env bash
# Everything that `make demo` needs, on Debian 12. Each step is skipped when done; what is left out is said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

bash infra/kernel.sh || say "traffic cannot be counted here; the demo will play a recording"
bash infra/venv.sh

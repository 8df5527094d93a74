#!/usr/bin/env bash
# Everything that `make test` needs beyond the demo: test tools, Apache Kafka's jars and a Java to run them, Debian's ClickHouse and Chromium, helm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

# A package's daemon must not start just because it was installed: the tests start their own.
policy=/usr/sbin/policy-rc.d
without_daemons() {
    if is_root && [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    "$@"
}

bash infra/kernel.sh || say "the tests that count live traffic will fail here"
# gcc: a test compares the C and the Python layout of what the kernel counts
# strace: a test kills the engine at the entry of a system call
# chromium: the console's pages are looked at in a browser; fonts-liberation: in letters whose widths are always the same
# e2fsprogs, mount: tests cut the power of a file system of their own
without_daemons apt_install "servers and tools for tests" \
    openjdk-17-jre-headless maven clickhouse-server gcc libc6-dev strace e2fsprogs mount \
    chromium fonts-liberation
bash infra/venv.sh test
bash infra/console.sh
bash infra/kafka-jars.sh
bash infra/go-tools.sh >/dev/null

#!/usr/bin/env bash
# Apache Kafka's jars for the tests, in .cache/kafka/libs. The folder appears whole or not at all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=infra/lib.sh
source infra/lib.sh

cache=$PWD/.cache/kafka
wanted=$(sha256sum infra/kafka/pom.xml | cut -d ' ' -f 1)
done_already() { [[ -f $cache/libs/.pom-sha256 && $(<"$cache/libs/.pom-sha256") == "$wanted" ]]; }

done_already && exit 0
alone
done_already && exit 0

say "fetching Apache Kafka's jars with Maven (54 MB, a minute, once)"
part=$cache/part
rm -rf "$part"
mkdir -p "$part"
retry 3 mvn --batch-mode --quiet -Dstyle.color=never --file infra/kafka/pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$part" -DincludeScope=runtime </dev/null
compgen -G "$part/kafka_2.13-*.jar" >/dev/null || fail "Maven brought no kafka_2.13 jar: look at infra/kafka/pom.xml"
echo "$wanted" >"$part/.pom-sha256"
rm -rf "$cache/libs"
mv "$part" "$cache/libs"

#!/usr/bin/env bash
# bench/run.sh [pattern] [options]: the benchmarks whose names match, beside their floors. See bench/README.md.
# Builds what is missing; after a change of the sources build again: mvn -pl bench -am -DskipTests package
set -euo pipefail
cd "$(dirname "$0")/.."

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -d bench/target/lib ]; then
  echo "bench: building" >&2
  mvn -q -B -ntp -pl bench -am -DskipTests package >&2
fi
# Newer VMs warn of System.load and of what JMH 1.37 does inside; older ones do not know the options.
version=$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/.*java.specification.version = //p')
options=()
[ "$version" -ge 22 ] && options+=(--enable-native-access=ALL-UNNAMED)
[ "$version" -ge 23 ] && options+=(--sun-misc-unsafe-memory-access=allow)
exec "$java" "${options[@]}" -cp 'bench/target/classes:bench/target/lib/*' io.sambay4j.bench.operations.Main "$@"

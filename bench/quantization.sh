#!/usr/bin/env bash
# bench/quantization.sh [problems]: what quantised weights cost, as the tables of docs/quantization.md.
# Builds what is missing; after a change of the sources build again: mvn -pl bench -am -DskipTests package
set -euo pipefail
cd "$(dirname "$0")/.."

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -d bench/target/lib ]; then
  echo "bench: building" >&2
  mvn -q -B -ntp -pl bench -am -DskipTests package >&2
fi
exec "$java" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp 'bench/target/classes:bench/target/lib/*' \
  io.sambay4j.bench.quantization.Study "$@"

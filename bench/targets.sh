#!/usr/bin/env bash
# bench/targets.sh --model DIR [--rounds N] [--long TOKENS]
# A full-size hybrid model on this CPU, in int4, int8 and bf16, beside what it should reach: one table. About six minutes a round,
# and as long again for the long prompt. DIR: see RandomCheckpoint in bench/README.md. Needs a machine with nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -d bench/target/lib ]; then
  echo "bench: building" >&2
  mvn -q -B -ntp -pl bench -am -DskipTests package >&2
fi
./sambay --version > /dev/null # builds what is missing
exec "$java" -cp 'bench/target/classes:bench/target/lib/*' io.sambay4j.bench.targets.Main "$@"

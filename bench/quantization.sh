#!/usr/bin/env bash
# bench/quantization.sh [problems [directory]]    what quantised weights cost: the tables of docs/quantization.md, and their CSV files
# bench/quantization.sh drift [options]           along a generated text; long with a model of full size. Options: --model DIR
#                                                 --work DIR --out FILE.csv --tokens N --every N --seed N --formats A,B,...
# bench/quantization.sh plots [directory]         draws the SVG files from the CSV files
# The directory is docs/quantization unless given. Everything random has a seed: the same files each time.
# Builds what is missing; after a change of the sources build again: mvn -pl bench -am -DskipTests package
set -euo pipefail
cd "$(dirname "$0")/.."

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -d bench/target/lib ]; then
  echo "bench: building" >&2
  mvn -q -B -ntp -pl bench -am -DskipTests package >&2
fi
case ${1:-} in
  drift) class=Drift && shift ;;
  plots) class=Plots && shift ;;
  *) class=Study ;;
esac
exec "$java" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp 'bench/target/classes:bench/target/lib/*' \
  "io.sambay4j.bench.quantization.$class" "$@"

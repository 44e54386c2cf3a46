#!/usr/bin/env bash
# bench/peers/run.sh [options]: this engine, llama.cpp and Jlama on the same random weights, by turns, as tables. See README.md beside it.
#
#   --work DIR         models, samples and results; a stopped run goes on where it was (/tmp/sambay-peers)
#   --rounds N         rounds, each with every engine in a process of its own (3)
#   --rows REGEX       only rows whose id matches: decode-0-q4_0, prefill-q8_0, prefill-flash, decode-flash-4096, ...
#   --engines A,B      of sambay, llama-npm, llama-maven, jlama (all)
#   --contexts N,...   of the rows decode-flash-N (4096); the peer reads so many tokens once and keeps its state on the disk
#   --flash DIR        a full-size random checkpoint that is there already, otherwise one is made
#   --config DIR       a directory with another config.json for the dense model, for trying this out
#   --prompt N, --tokens N, --threads N, --activations f32|bf16, --timeout SECONDS
#   --prefix CMD       what every timed process is started through, such as "nice" or "taskset -c 0,1"
#   --prepare          only makes the models: 24 GB on the disk, 32 GB with the hybrid's
#   --report           only prints the tables of what has been measured
#
# JAVA_HOME_JLAMA: a JDK 21 or later for Jlama, which is left out otherwise. Node.js 20 or later for the llama.cpp of npm.
set -euo pipefail
cd "$(dirname "$0")/../.."

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -d bench/target/lib ]; then
  echo "peers: building" >&2
  mvn -q -B -ntp -pl bench -am -DskipTests package >&2
fi
node=bench/peers/node
if [ ! -d $node/node_modules ] && command -v npm > /dev/null; then
  # not ci: some of the optional packages for other systems are not published in every version
  (cd $node && npm install --no-save --ignore-scripts --omit=optional --no-fund --no-audit >&2) || echo "peers: no llama.cpp of npm" >&2
fi
if [ ! -d bench/peers/llama-java/target/lib ]; then
  mvn -q -B -ntp -f bench/peers/llama-java process-classes >&2 || echo "peers: no llama.cpp of Maven Central" >&2
fi
if [ -n "${JAVA_HOME_JLAMA:-}" ] && [ ! -d bench/peers/jlama/target/lib ]; then
  JAVA_HOME=$JAVA_HOME_JLAMA mvn -q -B -ntp -f bench/peers/jlama process-classes >&2 || echo "peers: no Jlama" >&2
fi
exec "$java" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp 'bench/target/classes:bench/target/lib/*' \
  io.sambay4j.bench.peers.Main "$@"

#!/usr/bin/env bash
# Runs the server under load for longer than every test run does: requests with random disconnects, idle connections and
# readers that do not read beside others, then mixed traffic with faults, a sample of it checked against a cold model.
#   ci/soak.sh [REQUESTS] [SECONDS]      default: 10000 requests, 1800 seconds
set -euo pipefail
cd "$(dirname "$0")/.."
requests=${1:-10000}
seconds=${2:-1800}
ulimit -n "$(ulimit -Hn)"
exec mvn -B -ntp test -pl java/server -am -Dnative.skip.tests=true -Djavacpp.skip="${JAVACPP_SKIP:-false}" \
  -Dsurefire.failIfNoSpecifiedTests=false -Dtest='LoadTest,SoakTest' \
  -Dsambay.load.requests="$requests" -Dsambay.load.slow=200 -Dsambay.load.each=40 -Dsambay.soak.seconds="$seconds"

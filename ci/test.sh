#!/usr/bin/env bash
# Builds everything and runs every test that this machine can run: the native tests, the Java tests, formats and static
# checks. Arguments go to Maven. Needs JDK 17 or later, Maven, g++, CMake and Ninja; no GPU.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for tool in java mvn; do command -v "$tool" > /dev/null || missing+=("$tool"); done
if [ "$(uname -sm)" = "Linux x86_64" ]; then
  for tool in cmake ninja g++; do command -v "$tool" > /dev/null || missing+=("$tool"); done
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "test: not installed: ${missing[*]} (Debian: apt-get install openjdk-17-jdk maven g++ cmake ninja-build)" >&2
  exit 2
fi

# The formatter is one exact version; a contributor without it can still test everything else.
SAMBAY_FORMAT=${SAMBAY_FORMAT:-optional} ci/format-native.sh
ci/install-test-tools.sh
mvn -B -ntp verify "$@"
# Green must not mean that nothing ran: what was skipped, how often and why.
echo
echo "Skipped tests:"
reasons=$(grep -rhoE 'TestAbortedException: .*' --include='TEST-*.xml' java/*/target/surefire-reports \
  bench/target/surefire-reports 2> /dev/null | sed -E 's/TestAbortedException: (Assumption failed: )?//' | sort | uniq -c || true)
echo "${reasons:-  none}"

# All Java tests in one line.
grep -hoE '<testsuite [^>]*>' java/*/target/surefire-reports/TEST-*.xml bench/target/surefire-reports/TEST-*.xml |
  awk '
    function count(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3) + 0 : 0 }
    { all += count("tests"); failed += count("failures") + count("errors"); skipped += count("skipped") }
    END { printf "\nJava: %d passed, %d failed, %d skipped\n", all - failed - skipped, failed, skipped }'

#!/usr/bin/env bash
# Installs what the browser tests and the client tests of java/server need and what is missing: Node, Chromium, and the
# packages of their lock files. Nothing fails for want of them: the tests are skipped then, with the reason, which is also
# said here. SAMBAY_TEST_TOOLS=off installs nothing.
set -uo pipefail
cd "$(dirname "$0")/.."

say() { echo "install-test-tools: $*" >&2; }

if [ "${SAMBAY_TEST_TOOLS:-on}" = off ]; then
  say "SAMBAY_TEST_TOOLS=off, so nothing is installed"
  exit 0
fi

wanted=()
command -v node > /dev/null && command -v npm > /dev/null || wanted+=(nodejs npm)
command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null ||
  wanted+=(chromium)
if [ ${#wanted[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    say "missing: ${wanted[*]}; installing them needs root and apt-get"
  elif ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${wanted[@]}"; } > /dev/null; then
    say "missing: ${wanted[*]}; apt-get could not install them"
  fi
fi

command -v npm > /dev/null || exit 0
for folder in java/server/src/test/browser java/server/src/test/clients; do
  # npm leaves a lock file of its own among the packages; the copy says which of ours they were installed from.
  stamp=$folder/node_modules/.installed-from
  if ! cmp -s "$folder/package-lock.json" "$stamp"; then
    if (cd "$folder" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --silent); then
      cp "$folder/package-lock.json" "$stamp"
    else
      say "npm could not install the packages of $folder"
      rm -rf "$folder/node_modules"
    fi
  fi
done
exit 0

#!/bin/sh
# Checks that C and C++ sources are formatted as .clang-format says; with --fix, formats them.
#
# One version for all, since versions differ: clang-format-19. Where it is missing and the script runs as root on Debian,
# the distribution's package is installed. Otherwise the check cannot be made: the script says so and fails, unless
# SAMBAY_FORMAT=optional, with which it says so and succeeds.
set -eu
cd "$(dirname "$0")/.."
formatter=clang-format-19
if ! command -v "$formatter" >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$formatter"; } >/dev/null || true
fi
if ! command -v "$formatter" >/dev/null; then
  echo "format-native: $formatter is not installed (Debian: apt-get install $formatter), so nothing was checked." >&2
  [ "${SAMBAY_FORMAT:-required}" = optional ]
  exit
fi
case ${1:-} in
  "") action="--dry-run --Werror" ;;
  --fix) action=-i ;;
  *)
    echo "usage: $0 [--fix]" >&2
    exit 2
    ;;
esac
# shellcheck disable=SC2086 # two words
find native -name target -path native/target -prune -o \
  \( -name '*.h' -o -name '*.c' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 "$formatter" $action

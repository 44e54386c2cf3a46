#!/bin/sh
# exported_symbols_test.sh nm library list: the library exports exactly the symbols of the list.
set -eu
"$1" -D --defined-only --format=posix "$2" | cut -d ' ' -f 1 | LC_ALL=C sort | diff -u "$3" - || {
  echo "The exported symbols (+) differ from $3 (-). A new function is added to the list; a removed or changed one needs"
  echo "a new SY_ABI_VERSION as well."
  exit 1
}

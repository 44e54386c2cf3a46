#!/bin/sh
# target_symbols_test.sh nm object...: the objects of src/cpu/target must define nothing but their <target>_ops(), and
# above all nothing weak. A weak symbol is an inline function that other objects have as well; the linker keeps one copy
# for all, perhaps the one with instructions this processor lacks. (DW.ref.* is an address, which is the same for all.)
set -eu
nm=$1
shift
status=0
seen=0
for object in "$@"; do
  case $object in
    */cpu/target/*) ;;
    *) continue ;;
  esac
  seen=$((seen + 1))
  shared=$("$nm" -C --defined-only --extern-only "$object" | grep -v '^$' | grep -Ev ' T sambay::[a-z0-9]+_ops\(\)$| V DW\.ref\.__gxx_personality_v0$' || true)
  if [ -n "$shared" ]; then
    echo "$object defines symbols that other objects could be linked to:"
    echo "$shared"
    status=1
  fi
done
if [ "$seen" -eq 0 ]; then
  echo "no object of src/cpu/target was given"
  status=1
fi
exit $status

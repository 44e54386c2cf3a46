# Sourced by check.sh and bench.sh: where the pieces of the bundle are, the card, and the table at the end.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
kit=$root # of the bundle, or of an overlay in a checkout
[ -d "$kit/jre" ] || kit=$root/target/gpu-bundle/sambay4j-gpu
work=${SAMBAY_GPU_WORK:-$root/target/gpu} # built and measured things
mkdir -p "$work"
table=$work/table.txt
: > "$table"

if [ -x "$kit/jre/bin/java" ]; then
  java=$kit/jre/bin/java
else
  java=$(command -v "${JAVA_HOME:+$JAVA_HOME/bin/}java") || { echo "gpu: there is neither $kit/jre nor java" >&2 && exit 2; }
fi
[ -d "$kit/lib" ] || { echo "gpu: there is no $kit/lib; ci/gpu/bundle.sh makes it" >&2 && exit 2; }
java_options=("-Dorg.bytedeco.javacpp.cachedir=$work/natives" "-Dsambay.root=$root"
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)

# row NAME RESULT [SECONDS]: a line of the table.
row() { printf '%-44s %-34s %s\n' "$1" "$2" "${3:+$(printf '%8.1f s' "$3")}" | tee -a "$table"; }

# step NAME COMMAND...: runs it with its output in a log; a line of the table says how it went.
failed=0
step() {
  local name=$1 log begin status=0
  shift
  log=$work/$(echo "$name" | tr -c 'a-zA-Z0-9\n' '-').log
  begin=$(date +%s.%N)
  echo "== $name" >&2
  "$@" > "$log" 2>&1 || status=$?
  local seconds
  seconds=$(awk "BEGIN { print $(date +%s.%N) - $begin }")
  if [ $status -eq 0 ]; then
    row "$name" ok "$seconds"
  else
    failed=1
    row "$name" "FAILED ($status), see ${log#"$root/"}" "$seconds"
    tail -n 15 "$log" >&2
  fi
  return 0
}

finish() {
  echo
  echo "==== $1, commit $(head -n 1 "$kit/COMMIT" 2> /dev/null || git rev-parse HEAD), $(date -u +%Y-%m-%dT%H:%MZ)"
  cat "$table"
  exit $failed
}

# The library that the device cuda opens: the one that is named, else the one built here, else the bundle's.
cuda_library() {
  local built=$work/native/libsambay_cuda.so
  if [ -n "${SAMBAY_CUDA_LIBRARY:-}" ]; then
    echo "$SAMBAY_CUDA_LIBRARY"
  elif [ -e "$built" ]; then
    echo "$built"
  else
    mkdir -p "$work/bundled"
    (cd "$work/bundled" && for jar in "$kit"/lib/*-gpu.jar; do
      [ ! -e "$jar" ] || python3 -m zipfile -e "$jar" . 2> /dev/null || unzip -qo "$jar"
    done)
    find "$work/bundled" -name libsambay_cuda.so | head -n 1
  fi
}

# "90a-real" of the first card; sm_90 code that is not for 90a cannot use what Hopper has of its own.
card_architecture() {
  local capability
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2> /dev/null | head -n 1 | tr -d '. ')
  case $capability in
    '') echo "80-real;86-real;89-real;90a-real;100-real;120" ;; # no card: all
    90) echo 90a-real ;;
    *) echo "$capability-real" ;;
  esac
}

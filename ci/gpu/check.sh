#!/usr/bin/env bash
# check.sh: everything the tests can say about the CUDA backend on this machine's card, ending in a short table. Builds
# libsambay_cuda for this card alone with its nvcc, runs the native tests on it, the same under compute-sanitizer where that
# is installed, and the Java tests. Needs nvcc 13, g++ 12, CMake 3.25, Ninja, JDK 17, Maven; CUDA_VISIBLE_DEVICES chooses a
# card. Options: --no-java, --no-sanitizer.
set -uo pipefail
cd "$(dirname "$0")/../.."
java=yes sanitizer=yes
for option in "$@"; do
  case $option in
    --no-java) java=no ;;
    --no-sanitizer) sanitizer=no ;;
    *) echo "check.sh: unknown option $option; there are --no-java and --no-sanitizer" >&2; exit 2 ;;
  esac
done
for tool in nvidia-smi nvcc cmake ninja g++; do
  command -v "$tool" > /dev/null || { echo "check.sh: $tool is not on the PATH" >&2; exit 2; }
done
card=$(nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader | head -1)
architecture=$(sed -E 's/.*, ([0-9]+)\.([0-9]+)$/\1\2/' <<< "$card")
[ "$architecture" = 90 ] && architecture=90a # wgmma
build=native/target/gpu
results=()
failed=0

# step name command...: runs it, keeps its output, notes how it went.
step() {
  local name=$1 log=$build/$(tr ' /' '--' <<< "$1").log start=$SECONDS verdict=ok
  shift
  mkdir -p "$build"
  echo "--- $name"
  if ! "$@" > "$log" 2>&1; then
    verdict="FAILED, see $log"
    failed=1
    tail -25 "$log"
  fi
  results+=("$(printf '%-34s %5d s  %s' "$name" $((SECONDS - start)) "$verdict")")
}

step "configure" cmake -S native -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSAMBAY_CUDA=ON \
  -DSAMBAY_CUDA_ARCHITECTURES="$architecture-real" -DSAMBAY_TEST_CARD=ON
step "build" cmake --build "$build" --target all sambay_cuda
step "native tests on the card" ctest --test-dir "$build" -L card --output-on-failure
export SAMBAY_TEST_DEVICE=cuda SAMBAY_CUDA_LIBRARY=$PWD/$build/libsambay_cuda.so CUDA_LAUNCH_BLOCKING=1
if [ "$sanitizer" = yes ] && command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck initcheck synccheck; do
    for test in "$build"/tests/golden_kernels_test "$build"/tests/card_graph_test; do
      step "$tool $(basename "$test")" compute-sanitizer --tool "$tool" --error-exitcode 1 "$test"
    done
  done
else
  results+=("compute-sanitizer: not run")
fi
unset SAMBAY_TEST_DEVICE CUDA_LAUNCH_BLOCKING
if [ "$java" = yes ]; then
  step "java tests" mvn -B -ntp verify -Dcuda -Dnative.skip.tests=true
fi

echo
echo "$card, sm_$architecture, commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown), $(nvcc --version | tail -2 | head -1)"
printf '%s\n' "${results[@]}"
exit $failed

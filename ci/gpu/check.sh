#!/usr/bin/env bash
# On a CUDA machine: builds the native tests for its card, runs them there and under compute-sanitizer, then every Java
# test of the device cuda. Ends in a table; exit code 1 if something failed. See ci/gpu/README.md.
#
#   check.sh [PART ...]    build native sanitizer java cli; all of them by default
. "$(dirname "$0")/kit.sh"
parts=" ${*:-build native sanitizer java cli} "
wanted() { [[ $parts == *" $1 "* ]]; }

sambay() { "$java" "${java_options[@]}" -Dsambay.home="$root" -cp "$kit/lib/*" io.sambay4j.cli.Main "$@"; }

# What is here, or the one sentence that says what is missing.
if command -v nvidia-smi > /dev/null; then
  nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader || true
fi
nvcc --version 2> /dev/null | tail -n 1 || echo "nvcc is not here: the bundle's library is used"
library=$(cuda_library)
if ! SAMBAY_CUDA_LIBRARY=$library sambay generate --device cuda --max-tokens 1 "What is 1+1?" > "$work/first.log" 2>&1 &&
  ! { wanted build && command -v nvcc > /dev/null && command -v nvidia-smi > /dev/null; }; then
  cat "$work/first.log" >&2
  echo "check: there is nothing to check here" >&2
  exit 1
fi

build() {
  cmake -S native -B "$work/native" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSAMBAY_CUDA=ON -DSAMBAY_TEST_CARD=ON \
    "-DSAMBAY_CUDA_ARCHITECTURES=$(card_architecture)"
  cmake --build "$work/native" --target all sambay_cuda
}

# sanitize TOOL: the golden values of every kernel, and graphs, under it.
sanitize() {
  local test status=0
  for test in golden_kernels_test card_graph_test; do
    echo "-- $test"
    SAMBAY_TEST_DEVICE=cuda SAMBAY_CUDA_LIBRARY="$work/native/libsambay_cuda.so" CUDA_LAUNCH_BLOCKING=1 timeout 300 \
      compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 "$work/native/tests/$test" || status=$?
  done
  return $status
}

run_tests() {
  SAMBAY_CUDA_LIBRARY=$library "$java" -Xmx4g "${java_options[@]}" -cp "$kit/lib/*:$kit/test-lib/*" RunTests "$@"
}

answers() {
  local answer
  answer=$(SAMBAY_CUDA_LIBRARY=$library sambay generate --device cuda "What is 17+25?")
  echo "$answer"
  [[ $answer == *"Answer: 42"* ]]
}

# A process that ends in the middle of the work ends as it was told to, and not by a crash.
ends_when_told() {
  local status=0
  SAMBAY_CUDA_LIBRARY=$library timeout --preserve-status -s TERM 6 "$java" "${java_options[@]}" -Dsambay.home="$root" \
    -cp "$kit/lib/*" io.sambay4j.cli.Main bench --device cuda --prompt 0 --gen 4000 --repetitions 10000 || status=$?
  echo "status $status"
  [ $status -eq 143 ] || [ $status -eq 130 ]
}

if wanted build; then
  if command -v nvcc > /dev/null && command -v cmake > /dev/null; then
    step "build for $(card_architecture)" build
    library=$(cuda_library)
  else
    row "build" "skipped: nvcc and CMake are needed"
  fi
fi
if wanted native; then
  if [ -e "$work/native/CTestTestfile.cmake" ]; then
    step "native tests on the card" ctest --test-dir "$work/native" -L card --output-on-failure
  else
    row "native tests on the card" "skipped: nothing is built"
  fi
fi
if wanted sanitizer; then
  first=card_graph_test
  if ! command -v compute-sanitizer > /dev/null; then
    row "compute-sanitizer" "skipped: it is not installed"
  elif [ ! -x "$work/native/tests/$first" ]; then
    row "compute-sanitizer" "skipped: nothing is built"
  elif ! SAMBAY_TEST_DEVICE=cuda SAMBAY_CUDA_LIBRARY="$work/native/libsambay_cuda.so" timeout 300 compute-sanitizer \
    --tool memcheck "$work/native/tests/$first" > "$work/sanitizer-first.log" 2>&1 &&
    grep -qi "not supported\|LibraryNotLoaded" "$work/sanitizer-first.log"; then
    row "compute-sanitizer" "skipped: not on this machine's runtime"
  else
    for tool in memcheck racecheck initcheck synccheck; do
      step "compute-sanitizer $tool" sanitize $tool
    done
  fi
fi
if wanted java; then
  step "kernels from Java" run_tests io.sambay4j.backend.CudaGoldenTest io.sambay4j.backend.CudaContractTest \
    io.sambay4j.backend.CudaPropertiesTest io.sambay4j.backend.CudaLifetimeTest io.sambay4j.backend.CudaInteropTest
  step "golden models, f32 and bf16" run_tests io.sambay4j.model.CudaGoldenModelTest
  step "graph = no graph" run_tests io.sambay4j.model.CudaDecodeGraphTest
  step "drawn tokens = the sampler's" run_tests io.sambay4j.sampling.CudaDrawsTest
  step "the model in the box" run_tests io.sambay4j.CudaTextModelTest
fi
if wanted cli; then
  step "sambay generate" answers
  step "sambay self-test" env SAMBAY_CUDA_LIBRARY="$library" "$java" "${java_options[@]}" -cp "$kit/lib/*" \
    io.sambay4j.cli.Main self-test
  step "a process that is told to end" ends_when_told
fi
finish "check on $(nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | head -n 1 || echo a card)"

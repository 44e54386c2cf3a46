#!/bin/sh
# Builds the native library and its tests with the address and undefined-behaviour sanitizers, in a folder of their own,
# and runs every test. The first finding ends a test and fails the script. Arguments go to ctest.
set -eu
cd "$(dirname "$0")/.."
build=native/target/sanitizers
cmake -S native -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSAMBAY_SANITIZE=address,undefined
cmake --build "$build" -j "${JOBS:-$(nproc)}"
# detect_stack_use_after_return stays off: the frames it makes up are not aligned to the 64 bytes that AVX-512 spills need.
# allocator_may_return_null: a test asks for more memory than there is, and the answer must be an error, not an abort.
ASAN_OPTIONS=detect_stack_use_after_return=0:allocator_may_return_null=1 \
UBSAN_OPTIONS=print_stacktrace=1 \
  ctest --test-dir "$build" --output-on-failure "$@"

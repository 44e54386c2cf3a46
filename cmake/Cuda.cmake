# The CUDA backend, src/cuda: one list of sources, compiled two ways. By nvcc they become libsambay_cuda, a library of its
# own that the core library opens by path. By the C++ compiler, with the SIMT shim of tests/simt in place of the device
# vocabulary and of the CUDA runtime, they become what the tests run on any machine.
set(SAMBAY_CUDA_SOURCES # relative to native/
  src/cuda/launch_checks.cc
  src/cuda/memory.cc
  src/cuda/plugin.cc
  src/cuda/processor.cc
  src/cuda/queue.cc
)
# Kernels and the operations that launch them: CUDA here, C++ on the host.
set(SAMBAY_CUDA_KERNELS
  src/cuda/attention.cu
  src/cuda/copies.cu
  src/cuda/gates.cu
  src/cuda/kv.cu
  src/cuda/limits.cu
  src/cuda/linear.cu
  src/cuda/mamba.cu
  src/cuda/norms.cu
  src/cuda/rope.cu
  src/cuda/sample.cu
  src/cuda/weight.cu
)
# What the library needs of the core library's own.
set(SAMBAY_CUDA_SHARED
  src/api/check.cc
  src/api/error.cc
  src/api/quantize.cc
)

# Code for every generation named, and PTX of the oldest and the newest for what is not. sm_80 code runs on 8.7, 100 on
# 10.3, 120 on 12.1.
set(SAMBAY_CUDA_ARCHITECTURES "80-real;86-real;89-real;90a-real;100-real;120;80-virtual" CACHE STRING
  "what libsambay_cuda holds code for")
set(SAMBAY_CUDA AUTO CACHE STRING "the target sambay_cuda: AUTO (where nvcc is found), ON, OFF")
set_property(CACHE SAMBAY_CUDA PROPERTY STRINGS AUTO ON OFF)

# Here and not in a function: a language belongs to the directory.
if(SAMBAY_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_ARCHITECTURES ${SAMBAY_CUDA_ARCHITECTURES})
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    enable_language(CUDA)
  elseif(SAMBAY_CUDA STREQUAL "AUTO")
    message(STATUS "sambay: nvcc is not found, so there is no target sambay_cuda")
  else()
    message(FATAL_ERROR "SAMBAY_CUDA is ${SAMBAY_CUDA}, and nvcc is not found: put it on the PATH or set CUDACXX")
  endif()
endif()

# An object library of the backend for the host.
function(sambay_cuda_on_host target)
  set(sources ${SAMBAY_CUDA_SOURCES} ${SAMBAY_CUDA_KERNELS} tests/simt/host.cc tests/simt/runtime.cc
    tests/simt/wgmma.cc)
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
  set_source_files_properties(${sources} PROPERTIES LANGUAGE CXX) # of this directory's targets only
  add_library(${target} OBJECT ${sources})
  target_compile_definitions(${target} PUBLIC SAMBAY_SIMT_HOST)
  target_include_directories(${target} PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PUBLIC -Wno-unknown-pragmas PRIVATE -ffp-contract=off) # #pragma unroll
  sambay_warnings(${target})
endfunction()

# Only the one function that the core library asks for is seen from outside.
function(sambay_cuda_link target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/cuda/exports.map)
  target_link_options(${target} PRIVATE
    -static-libstdc++ -Wl,--exclude-libs,ALL -Wl,-z,defs
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/src/cuda/exports.map)
endfunction()

# libsambay_cuda. Not part of `all`: six generations of cards take nvcc a while.
function(sambay_cuda_library)
  if(NOT SAMBAY_CUDA OR NOT CMAKE_CUDA_COMPILER) # the second stays in the cache of a build that had it
    return()
  endif()
  add_library(sambay_cuda SHARED EXCLUDE_FROM_ALL
    ${SAMBAY_CUDA_SOURCES} ${SAMBAY_CUDA_KERNELS} ${SAMBAY_CUDA_SHARED} src/cuda/runtime.cu)
  target_compile_features(sambay_cuda PRIVATE cxx_std_20)
  # CMake 3.25 and nvcc agree on 17 for device code.
  set_target_properties(sambay_cuda PROPERTIES
    CUDA_STANDARD 17
    CUDA_STANDARD_REQUIRED ON
    CUDA_VISIBILITY_PRESET hidden)
  target_compile_options(sambay_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Werror -ffp-contract=off>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra -Werror=all-warnings --threads=2 -Xfatbin=-compress-all>)
  sambay_cuda_link(sambay_cuda)
  install(TARGETS sambay_cuda LIBRARY DESTINATION lib OPTIONAL)
endfunction()

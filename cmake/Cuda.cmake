# The CUDA backend, src/cuda: one list of sources, compiled two ways. By nvcc they become libsambay_cuda; by the C++
# compiler, with the SIMT shim of tests/simt in place of the device vocabulary and the CUDA runtime, they become what the
# tests run on any machine.
set(SAMBAY_CUDA_SOURCES # relative to native/
  src/cuda/memory.cc
  src/cuda/queue.cc
)
# Kernels and the operations that launch them: CUDA here, C++ on the host.
set(SAMBAY_CUDA_KERNELS
)

# An object library of the backend for the host.
function(sambay_cuda_on_host target)
  set(sources ${SAMBAY_CUDA_SOURCES} ${SAMBAY_CUDA_KERNELS} tests/simt/host.cc tests/simt/runtime.cc)
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

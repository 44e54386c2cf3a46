# One object file per instruction-set level, each with its own -m flags; src/cpu/isa.cc chooses among them at run time.
# Never -march=native (the build machine is not the user's machine) and never -ffast-math (it drops NaN and reorders sums).
# avx512 is three objects, chosen by the CPU: the level of Skylake-X; with VNNI, which makes int8 products of 4 rows and more
# 1.2 to 1.7 times as fast (int4 1.05 to 1.1 times; Zen 5); and with vdpbf16ps too, for prompts in bf16, where it runs at the
# rate of the fp32 FMA: on AMD's cores. On Intel's it runs at half that rate and wins nothing.
function(sambay_cpu_targets target)
  set(sources src/cpu/target/scalar.cc)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    list(APPEND sources src/cpu/target/avx2.cc src/cpu/target/avx512.cc src/cpu/target/avx512vnni.cc
      src/cpu/target/avx512bf16.cc src/cpu/target/amx.cc)
    set(avx2 -mavx2 -mfma -mf16c)
    set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
    set(avx512vnni ${avx512} -mavx512vnni)
    set(avx512bf16 ${avx512vnni} -mavx512bf16)
    set(amx ${avx512bf16} -mamx-tile -mamx-bf16 -mamx-int8)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      list(APPEND avx512 -Wno-maybe-uninitialized -Wno-uninitialized) # gcc 12's own AVX-512 headers trip over it
      list(APPEND avx512vnni -Wno-maybe-uninitialized -Wno-uninitialized)
      list(APPEND avx512bf16 -Wno-maybe-uninitialized -Wno-uninitialized)
      list(APPEND amx -Wno-maybe-uninitialized -Wno-uninitialized)
    endif()
    set_source_files_properties(src/cpu/target/avx2.cc PROPERTIES COMPILE_OPTIONS "${avx2}")
    set_source_files_properties(src/cpu/target/avx512.cc PROPERTIES COMPILE_OPTIONS "${avx512}")
    set_source_files_properties(src/cpu/target/avx512vnni.cc PROPERTIES COMPILE_OPTIONS "${avx512vnni}")
    set_source_files_properties(src/cpu/target/avx512bf16.cc PROPERTIES COMPILE_OPTIONS "${avx512bf16}")
    set_source_files_properties(src/cpu/target/amx.cc PROPERTIES COMPILE_OPTIONS "${amx}")
    set(SAMBAY_AVX512_OPTIONS ${avx512} PARENT_SCOPE)
    target_compile_definitions(${target} PUBLIC SAMBAY_X86=1)
  endif()
  target_sources(${target} PRIVATE ${sources})
endfunction()

# -DSAMBAY_SANITIZE=address,undefined builds the library and its tests with these sanitizers; the first finding ends a test.
# -O1 and line numbers only: the unrolled kernels otherwise take minutes each to compile.
set(SAMBAY_SANITIZE "" CACHE STRING "sanitizers to build with, separated by commas; empty for none")
if(SAMBAY_SANITIZE)
  add_compile_options(-fsanitize=${SAMBAY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${SAMBAY_SANITIZE})
endif()

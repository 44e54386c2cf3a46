# Warnings are errors: what the compiler doubts, a reader will doubt as well.
function(sambay_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Werror)
endfunction()

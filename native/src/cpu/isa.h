#ifndef SAMBAY_CPU_ISA_H_
#define SAMBAY_CPU_ISA_H_

#include "cpu/ops.h"

namespace sambay {

// Null-terminated names of all targets this library was built with, worst first.
const char* const* target_names();

// Is it one of these names or "auto"?
bool target_known(const char* target);

// Can the CPU execute this target and does the operating system keep its registers? For "amx" this asks the kernel for
// the permission to use tiles, which lasts as long as the process. False for an unknown name.
bool target_supported(const char* target);

// The operations of a target, or null if it is not supported here. "auto" gives the best that is.
const Ops* find_ops(const char* target);

}  // namespace sambay

#endif  // SAMBAY_CPU_ISA_H_

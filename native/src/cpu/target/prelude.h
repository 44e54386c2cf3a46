// What the kernels may use from outside, included before the unnamed namespace that holds them.
//
// An object file of a target must not leave a weak symbol behind: the linker could keep an inline function compiled
// with AVX-512 for the whole library, and it would then crash elsewhere. Hence no containers and no shared inline
// functions here; target_symbols_test looks at the result.
#ifndef SAMBAY_CPU_TARGET_PRELUDE_H_
#define SAMBAY_CPU_TARGET_PRELUDE_H_

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cpu/ops.h"
#include "cpu/pool.h"
#include "cpu/weight.h"
#include "sambay/sambay.h"

#endif  // SAMBAY_CPU_TARGET_PRELUDE_H_

// Every kernel and the table of them. Included once by each target/*.cc, inside an unnamed namespace and after the
// target's vector vocabulary.

#include "cpu/kernels/parallel.inl.h"
#include "cpu/kernels/storage.inl.h"
#include "cpu/simd/vec_math.inl.h"

constexpr Ops ops_table(const char* target) {
  return Ops{
      .target = target,
      .copy = nullptr,
      .zero = nullptr,
      .set_rows = nullptr,
      .linear = nullptr,
      .embedding = nullptr,
      .gather_rows = nullptr,
      .layer_norm = nullptr,
      .rms_norm = nullptr,
      .swiglu = nullptr,
      .gmu = nullptr,
      .causal_conv1d = nullptr,
      .selective_scan = nullptr,
      .kv_append = nullptr,
      .kv_read = nullptr,
      .attention = nullptr,
      .diff_attention = nullptr,
      .rope = nullptr,
  };
}

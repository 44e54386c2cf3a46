// Every kernel and the table of them. Included once by each target/*.cc, inside an unnamed namespace and after the
// target's vector vocabulary.

// clang-format off: in the order of use
#include "cpu/simd/vec_math.inl.h"
#include "cpu/kernels/parallel.inl.h"
#include "cpu/kernels/storage.inl.h"
#include "cpu/kernels/blocks.inl.h"
#include "cpu/kernels/rows.inl.h"
#include "cpu/kernels/small_products.inl.h"
#include "cpu/kernels/norms.inl.h"
#include "cpu/kernels/gates.inl.h"
#include "cpu/kernels/causal_conv1d.inl.h"
#include "cpu/kernels/selective_scan.inl.h"
#include "cpu/kernels/kv_cache.inl.h"
#include "cpu/kernels/attention_plan.inl.h"
#include "cpu/kernels/attention_few.inl.h"
#include "cpu/kernels/attention_many.inl.h"
#include "cpu/kernels/attention.inl.h"
#include "cpu/kernels/rope.inl.h"
#include "cpu/kernels/packed_weight.inl.h"
#include "cpu/kernels/quantized_weight.inl.h"
#include "cpu/kernels/copies.inl.h"
#include "cpu/kernels/linear.inl.h"
#include "cpu/kernels/linear_quantized.inl.h"
#include "cpu/kernels/sample.inl.h"
#include "cpu/kernels/limits.inl.h"
// clang-format on

constexpr Ops ops_table(const char* target) {
  return Ops{
      .target = target,
      .copy = copy,
      .zero = zero_rows,
      .set_rows = set_rows,
      .linear = linear,
      .linear_quantized = linear_quantized,
      .embedding = embedding,
      .gather_rows = gather_rows,
      .layer_norm = layer_norm,
      .rms_norm = rms_norm,
      .swiglu = swiglu,
      .gmu = gmu,
      .causal_conv1d = causal_conv1d,
      .selective_scan = selective_scan,
      .kv_append = kv_append,
      .kv_read = kv_read,
      .attention = attention,
      .diff_attention = diff_attention,
      .rope = rope,
      .largest_logit = largest_logit,
      .weigh_logits = weigh_logits,
      .sum_exp_logits = sum_exp_logits,
      .probe = probe,
  };
}

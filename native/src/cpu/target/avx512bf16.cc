#include "cpu/simd/dot_avx512.h"
#include "cpu/target/prelude.h"

// Target avx512 where the processor has VNNI as well, and multiplies pairs of bf16 at the rate of single f32.
namespace sambay {
namespace {
// clang-format off: in the order of use
#include "cpu/kernels/ops_table.inl.h"
#include "cpu/kernels/linear_pairs.inl.h"
// clang-format on
constexpr Ops pair_ops_table() {
  Ops ops = ops_table("avx512");
  ops.linear = linear_with_pairs;
  ops.probe = probe_with_pairs;
  return ops;
}
constexpr Ops kOps = pair_ops_table();
}  // namespace

const Ops& avx512bf16_ops() { return kOps; }

}  // namespace sambay

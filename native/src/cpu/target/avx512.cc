#include "cpu/simd/dot_avx512.h"
#include "cpu/target/prelude.h"

namespace sambay {
namespace {
#include "cpu/kernels/ops_table.inl.h"
constexpr Ops kOps = ops_table("avx512");
}  // namespace

const Ops& avx512_ops() { return kOps; }

}  // namespace sambay

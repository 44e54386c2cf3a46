#include "cpu/simd/dot_avx2.h"
#include "cpu/target/prelude.h"

namespace sambay {
namespace {
#include "cpu/kernels/ops_table.inl.h"
constexpr Ops kOps = ops_table("avx2");
}  // namespace

const Ops& avx2_ops() { return kOps; }

}  // namespace sambay

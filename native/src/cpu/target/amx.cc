#include "cpu/simd/vec_avx512.h"
#include "cpu/target/prelude.h"

namespace sambay {
namespace {
#include "cpu/kernels/ops_table.inl.h"
constexpr Ops kOps = ops_table("amx");
}  // namespace

const Ops& amx_ops() { return kOps; }

}  // namespace sambay

#include "cpu/simd/dot_avx512.h"
#include "cpu/target/prelude.h"

// Target avx512 where the processor has VNNI as well.
namespace sambay {
namespace {
#include "cpu/kernels/ops_table.inl.h"
constexpr Ops kOps = ops_table("avx512");
}  // namespace

const Ops& avx512vnni_ops() { return kOps; }

}  // namespace sambay

#include "cpu/simd/dot_scalar.h"
#include "cpu/target/prelude.h"

namespace sambay {
namespace {
#include "cpu/kernels/ops_table.inl.h"
constexpr Ops kOps = ops_table("scalar");
}  // namespace

const Ops& scalar_ops() { return kOps; }

}  // namespace sambay

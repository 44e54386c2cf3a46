#include "cpu/tiles/amx.h"

#include "cpu/simd/dot_avx512.h"
#include "cpu/target/prelude.h"

// AVX-512 for everything but the product of bf16 matrices.
namespace sambay {
namespace {
// clang-format off: in the order of use
#include "cpu/kernels/ops_table.inl.h"
#include "cpu/kernels/tile_ops_table.inl.h"
// clang-format on
constexpr Ops kOps = tile_ops_table("amx");
}  // namespace

const Ops& amx_ops() { return kOps; }

}  // namespace sambay

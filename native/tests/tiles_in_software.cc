// The operations of target amx with tiles in software and scalars for the rest: what linear_test and quantized_test run
// where there is no AMX, to prove the layout and the arithmetic of the kernels on tiles.
#include "tiles_in_software.h"

#include "cpu/simd/dot_scalar.h"
#include "cpu/target/prelude.h"
#include "cpu/tiles/software.h"

namespace sambay {
namespace {
// clang-format off: in the order of use
#include "cpu/kernels/ops_table.inl.h"
#include "cpu/kernels/tile_ops_table.inl.h"
// clang-format on
constexpr Ops kOps = tile_ops_table("amx in software");
}  // namespace

namespace test {

const Ops& ops_with_software_tiles() { return kOps; }

}  // namespace test
}  // namespace sambay

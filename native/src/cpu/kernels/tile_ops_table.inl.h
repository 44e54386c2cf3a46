// The table of a target with matrix tiles. Included once, after ops_table.inl.h and one of src/cpu/tiles.

// clang-format off: in the order of use
#include "cpu/kernels/linear_tiles.inl.h"
#include "cpu/kernels/linear_quantized_tiles.inl.h"
// clang-format on

constexpr Ops tile_ops_table(const char* target) {
  Ops ops = ops_table(target);
  ops.linear = linear_with_tiles;
  ops.linear_quantized = linear_quantized_with_tiles;
  ops.probe = probe_with_tiles;
  return ops;
}

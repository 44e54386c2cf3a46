#ifndef SAMBAY_CPU_TILES_CONFIG_H_
#define SAMBAY_CPU_TILES_CONFIG_H_

#include <stdint.h>

namespace sambay {
namespace {

// The shapes of the eight tile registers, as the instruction that sets them reads it.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

constexpr TileConfig kFullTiles{};

// One group of 32 columns of 8-bit integers: 0 to 3 are sums, 4 and 5 hold x, 6 and 7 the weight.
constexpr TileConfig kGroupTiles{.bytes_per_row = {64, 64, 64, 64, 32, 32, 64, 64},
                                 .rows = {16, 16, 16, 16, 16, 16, 8, 8}};

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_TILES_CONFIG_H_

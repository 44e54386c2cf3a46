#ifndef SAMBAY_CPU_TILES_H_
#define SAMBAY_CPU_TILES_H_

// The tiles of tiles/amx.h as arrays. They serve to prove the kernel's layout and arithmetic on any machine.

#include <stdint.h>
#include <string.h>

#include "cpu/tiles/config.h"

namespace sambay {
namespace {

constexpr int64_t kTileBytesPerRow = 64;

class Tiles {
 public:
  explicit Tiles(const TileConfig& config = kFullTiles) : config_(config) {}

  template <int kTile>
  void zero() {
    memset(tiles_[kTile], 0, sizeof tiles_[kTile]);
  }
  template <int kTile>
  void load(const void* from, int64_t stride) {
    memset(tiles_[kTile], 0, sizeof tiles_[kTile]);
    for (int64_t row = 0; row < config_.rows[kTile]; ++row) {
      memcpy(tiles_[kTile][row], static_cast<const char*>(from) + row * stride, config_.bytes_per_row[kTile]);
    }
  }
  template <int kTile>
  void store(void* to, int64_t stride) {
    for (int64_t row = 0; row < config_.rows[kTile]; ++row) {
      memcpy(static_cast<char*>(to) + row * stride, tiles_[kTile][row], config_.bytes_per_row[kTile]);
    }
  }
  template <int kSum, int kA, int kB>
  void multiply() {
    for (int row = 0; row < 16; ++row) {
      for (int pair = 0; pair < 16; ++pair) {
        const uint32_t a = tiles_[kA][row][pair];
        for (int col = 0; col < 16; ++col) {
          const uint32_t b = tiles_[kB][pair][col];
          float sum;
          memcpy(&sum, &tiles_[kSum][row][col], sizeof sum);
          sum += value(a << 16) * value(b << 16);
          sum += value(a & 0xffff0000u) * value(b & 0xffff0000u);
          memcpy(&tiles_[kSum][row][col], &sum, sizeof sum);
        }
      }
    }
  }
  template <int kSum, int kA, int kB>
  void multiply_bytes() {
    for (int row = 0; row < config_.rows[kA]; ++row) {
      for (int four = 0; four < config_.bytes_per_row[kA] / 4; ++four) {
        const uint32_t a = tiles_[kA][row][four];
        for (int col = 0; col < config_.bytes_per_row[kB] / 4; ++col) {
          const uint32_t b = tiles_[kB][four][col];
          for (int i = 0; i < 32; i += 8) {
            tiles_[kSum][row][col] += static_cast<uint32_t>(static_cast<int8_t>(a >> i) * static_cast<uint8_t>(b >> i));
          }
        }
      }
    }
  }

 private:
  static float value(uint32_t bits) {
    if ((bits & 0x7f800000u) == 0) return 0;  // subnormals as well
    return __builtin_bit_cast(float, bits);
  }

  TileConfig config_;
  uint32_t tiles_[8][16][16];
};

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_TILES_H_

#ifndef SAMBAY_CPU_TILES_H_
#define SAMBAY_CPU_TILES_H_

// The tile registers of AMX: eight of 16 rows by 64 bytes. In assembly, because the compiler's intrinsics take the
// register's number as text and so no template parameter. tiles/software.h spells the same for any processor.

#include <stdint.h>

#include "cpu/tiles/config.h"

namespace sambay {
namespace {

constexpr int64_t kTileBytesPerRow = 64;

// While it lives, the thread has its tiles. Ending it promptly spares the system from saving 8 KiB
// at every switch to another thread.
class Tiles {
 public:
  explicit Tiles(const TileConfig& config = kFullTiles) { __asm__ volatile("ldtilecfg %0" ::"m"(config)); }
  ~Tiles() { __asm__ volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int kTile>
  void zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  // The tile's rows, `stride` bytes apart.
  template <int kTile>
  void load(const void* from, int64_t stride) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void store(void* to, int64_t stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  // kSum [16][16] f32 += kA [16][32] bf16 times kB, 32 by 16 in pairs: [16][16][2] bf16. Subnormals count as zero.
  template <int kSum, int kA, int kB>
  void multiply() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
  // With kGroupTiles: kSum [16][16] 32-bit integers += kA [16][32] with sign times kB, 32 by 16 in fours without sign:
  // [8][16][4].
  template <int kSum, int kA, int kB>
  void multiply_bytes() {
    __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace sambay

#endif  // SAMBAY_CPU_TILES_H_

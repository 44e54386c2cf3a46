// The device vocabulary of cuda/simt.h, spelled for the host. A block's threads are fibers of one OS thread; blocks run
// one after another. What would be wrong on a GPU ends the process with a sentence: lanes of a warp that meet in
// different operations, threads that wait for others who never come, shared memory written beyond its end, copies still
// under way at the end of a kernel. What a GPU would leave undefined is made visible: shared memory begins as NaN, and
// the destination of an asynchronous copy is NaN until a wait covers it. The order in which threads run is a parameter
// (simt::set_order); results must not depend on it.
#ifndef SAMBAY_TESTS_SIMT_HOST_H_
#define SAMBAY_TESTS_SIMT_HOST_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __host__
#define __device__
#define __global__
#define __grid_constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

// Where an operation stands in the source: the last two parameters of everything at which threads meet.
#define SAMBAY_SIMT_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace sambay::cuda {

// ---- CUDA's own names
// -------------------------------------------------------------------------------------------------

struct dim3 {
  uint32_t x = 1, y = 1, z = 1;
};
// Of the fiber that runs; set at each switch.
extern dim3 threadIdx, blockIdx, blockDim, gridDim;
inline constexpr int warpSize = 32;

struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct alignas(8) int2 {
  int32_t x, y;
};
struct alignas(16) int4 {
  int32_t x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint2 make_uint2(uint32_t x, uint32_t y) { return {x, y}; }
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
inline int2 make_int2(int32_t x, int32_t y) { return {x, y}; }
inline int4 make_int4(int32_t x, int32_t y, int32_t z, int32_t w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline float max(float a, float b) { return std::fmax(a, b); }
inline float min(float a, float b) { return std::fmin(a, b); }
template <class T>
  requires std::is_integral_v<T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
template <class T>
  requires std::is_integral_v<T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __uint_as_float(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t __float_as_uint(float value) { return std::bit_cast<uint32_t>(value); }
inline float __int_as_float(int32_t bits) { return std::bit_cast<float>(bits); }
inline int32_t __float_as_int(float value) { return std::bit_cast<int32_t>(value); }
inline int __popc(uint32_t bits) { return std::popcount(bits); }
inline int __clz(int32_t bits) { return std::countl_zero(static_cast<uint32_t>(bits)); }
inline int __ffs(int32_t bits) { return bits == 0 ? 0 : std::countr_zero(static_cast<uint32_t>(bits)) + 1; }
template <class T>
T __ldg(const T* from) {
  return *from;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// ---- the shim
// ---------------------------------------------------------------------------------------------------------

namespace simt {

// In which order the threads that could run do run, and the blocks of a grid.
struct Order {
  enum Kind { kAscending, kDescending, kShuffled } kind = kAscending;
  uint64_t seed = 0;  // of kShuffled
};
// For later launches of the process; ascending before the first call, or as SAMBAY_SIMT_ORDER says: "ascending",
// "descending" or the seed of a shuffle.
void set_order(Order order);

// Runs kernel(params) for every thread of the grid. Kernels of several OS threads run one at a time. overlaps_previous:
// every block must call grid_dependency_wait().
void run(dim3 grid, dim3 block, int64_t shared_bytes, void (*kernel)(const void* params), const void* params,
         bool overlaps_previous);

// Says where the kernel stands and what is wrong, and ends the process.
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char* format, ...);
// For what has no host spelling, such as clusters of blocks: tests of such a kernel need a GPU.
[[noreturn]] void not_on_the_host(const char* what);

struct Site {
  const char* operation;
  const char* file;
  int line;
};

unsigned char* shared_memory();
int thread();  // of the block
int lane();

// The lanes of a warp deposit a pointer each and wait; the last one runs action(pointers of lanes 0 to 31), then all go
// on.
void meet_warp(Site site, void (*action)(void* const* lanes), void* lane);
// The same for four warps, whose first one's number is a multiple of four.
void meet_warpgroup(Site site, void (*action)(void* const* lanes), void* lane);
// True if a thread that ends has products of wgmma under way.
bool forget_products(int thread);
// The same as meet_warp for `threads` threads of the block; true if `value` held for any. 0 threads: all that have not
// exited.
bool meet_block(Site site, int barrier, int threads, bool value, bool wait);

void copy_async(void* shared, const void* global, int bytes, int valid_bytes);
void copy_commit();
void copy_wait(int groups);  // all but the youngest `groups`; -1: uncommitted ones as well

void check_shared(const char* operation, const void* address, int bytes, int alignment);

}  // namespace simt

// ---- the block ------------------------------------------------------------------------------------------------------

inline unsigned char* shared_memory() { return simt::shared_memory(); }

inline void __syncthreads(SAMBAY_SIMT_HERE) { simt::meet_block({"__syncthreads", file, line}, 0, 0, false, true); }
inline bool syncthreads_or(bool value, SAMBAY_SIMT_HERE) {
  return simt::meet_block({"syncthreads_or", file, line}, 0, 0, value, true);
}
inline void barrier_sync(int id, int threads, SAMBAY_SIMT_HERE) {
  simt::meet_block({"barrier_sync", file, line}, id, threads, false, true);
}
inline void barrier_arrive(int id, int threads, SAMBAY_SIMT_HERE) {
  simt::meet_block({"barrier_arrive", file, line}, id, threads, false, false);
}

// ---- the warp -------------------------------------------------------------------------------------------------------

inline void __syncwarp(SAMBAY_SIMT_HERE) {
  simt::meet_warp({"__syncwarp", file, line}, [](void* const*) {}, nullptr);
}

namespace simt {

template <class T>
struct Shuffle {
  T value, result;
  int source;
};

template <class T>
T shuffle(Site site, T value, int source) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4, "shuffles move 4 or 8 bytes");
  Shuffle<T> mine{value, value, source};
  meet_warp(
      site,
      [](void* const* lanes) {
        for (int i = 0; i < 32; ++i) {
          auto* to = static_cast<Shuffle<T>*>(lanes[i]);
          to->result = static_cast<Shuffle<T>*>(lanes[to->source])->value;
        }
      },
      &mine);
  return mine.result;
}

// The bits of `value` over the lanes.
uint32_t vote(Site site, bool value);

}  // namespace simt

template <class T>
T shfl(T value, int source, int width = 32, SAMBAY_SIMT_HERE) {
  return simt::shuffle({"shfl", file, line}, value, simt::lane() / width * width + (source & (width - 1)));
}
template <class T>
T shfl_xor(T value, int mask, int width = 32, SAMBAY_SIMT_HERE) {
  const int lane = simt::lane(), source = lane ^ mask;
  return simt::shuffle({"shfl_xor", file, line}, value, source / width > lane / width ? lane : source);
}
template <class T>
T shfl_up(T value, int delta, int width = 32, SAMBAY_SIMT_HERE) {
  const int lane = simt::lane(), source = lane - delta;
  return simt::shuffle({"shfl_up", file, line}, value, source < lane / width * width ? lane : source);
}
template <class T>
T shfl_down(T value, int delta, int width = 32, SAMBAY_SIMT_HERE) {
  const int lane = simt::lane(), source = lane + delta;
  return simt::shuffle({"shfl_down", file, line}, value, source >= lane / width * width + width ? lane : source);
}
inline uint32_t ballot(bool value, SAMBAY_SIMT_HERE) { return simt::vote({"ballot", file, line}, value); }
inline bool any(bool value, SAMBAY_SIMT_HERE) { return simt::vote({"any", file, line}, value) != 0; }
inline bool all(bool value, SAMBAY_SIMT_HERE) { return simt::vote({"all", file, line}, value) == 0xffffffffu; }

// ---- bits and conversions -------------------------------------------------------------------------------------------

template <class To, class From>
To bit_cast(const From& from) {
  return std::bit_cast<To>(from);
}

inline float to_float(float value) { return value; }
inline float to_float(bf16 value) { return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16); }
inline float to_float(f16 value) { return static_cast<float>(std::bit_cast<_Float16>(value.bits)); }

template <class T>
T from_float(float value);
template <>
inline float from_float<float>(float value) {
  return value;
}
template <>
inline bf16 from_float<bf16>(float value) {
  if (std::isnan(value)) return {0x7fff};
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
template <>
inline f16 from_float<f16>(float value) {
  if (std::isnan(value)) return {0x7fff};
  return {std::bit_cast<uint16_t>(static_cast<_Float16>(value))};
}

inline uint32_t pack_bf16(float low, float high) {
  return from_float<bf16>(low).bits | static_cast<uint32_t>(from_float<bf16>(high).bits) << 16;
}
inline uint32_t pack_f16(float low, float high) {
  return from_float<f16>(low).bits | static_cast<uint32_t>(from_float<f16>(high).bits) << 16;
}

namespace simt {

// a * b + c is exact in double for bf16 and f16 of like size; the one rounding is that to T.
template <class T>
uint32_t fma_pair(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result = 0;
  for (int shift : {0, 16}) {
    auto half = [shift](uint32_t pair) { return to_float(T{static_cast<uint16_t>(pair >> shift)}); };
    const double sum = static_cast<double>(half(a)) * half(b) + half(c);
    result |= static_cast<uint32_t>(from_float<T>(static_cast<float>(sum)).bits) << shift;
  }
  return result;
}

}  // namespace simt

inline uint32_t fma_bf16x2(uint32_t a, uint32_t b, uint32_t c) { return simt::fma_pair<bf16>(a, b, c); }
inline uint32_t fma_f16x2(uint32_t a, uint32_t b, uint32_t c) { return simt::fma_pair<f16>(a, b, c); }
inline uint32_t and_or(uint32_t value, uint32_t mask, uint32_t bits) { return (value & mask) | bits; }
inline uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  const uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t nibble = selector >> (4 * i) & 15;
    uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (nibble & 7))) & 255;
    if ((nibble & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;  // the sign, spread
    result |= byte << (8 * i);
  }
  return result;
}
inline int32_t dot_4bytes(uint32_t a, uint32_t b, int32_t c) {
  for (int shift = 0; shift < 32; shift += 8) {
    c += static_cast<int8_t>(a >> shift & 255) * static_cast<int8_t>(b >> shift & 255);
  }
  return c;
}

// ---- double precision; -ffp-contract=off keeps a product and a sum apart --------------------------------------------

inline double add_rn(double a, double b) { return a + b; }
inline double multiply_rn(double a, double b) { return a * b; }
inline double divide_rn(double a, double b) { return a / b; }

// ---- approximate functions: exact here but for the flushed denormals
// --------------------------------------------------

namespace simt {
inline float flush(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }
}  // namespace simt

inline float exp2_approx(float x) { return simt::flush(std::exp2(simt::flush(x))); }
inline float log2_approx(float x) { return simt::flush(std::log2(simt::flush(x))); }
inline float rcp_approx(float x) { return simt::flush(1.0f / simt::flush(x)); }
inline float rsqrt_approx(float x) { return simt::flush(1.0f / std::sqrt(simt::flush(x))); }

// ---- global memory --------------------------------------------------------------------------------------------------

namespace simt {

template <class T>
T load_global(const char* operation, const T* from) {
  static_assert(sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16);
  if (reinterpret_cast<uintptr_t>(from) % sizeof(T) != 0) {
    fail("%s of %zu bytes from %p, which is not aligned to them", operation, sizeof(T), static_cast<const void*>(from));
  }
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

}  // namespace simt

template <class T>
T load_readonly(const T* from) {
  return simt::load_global("load_readonly", from);
}
template <class T>
T load_once(const T* from) {
  return simt::load_global("load_once", from);
}
template <class T>
T load_coherent(const T* from) {
  return simt::load_global("load_coherent", from);
}
using CachePolicy = uint64_t;
inline CachePolicy evict_first() { return 0; }
inline CachePolicy evict_last() { return 0; }
inline uint4 load_once(const uint4* from, CachePolicy) { return simt::load_global("load_once", from); }
inline void prefetch_l2(const void*) {}

// ---- asynchronous copies: nothing but NaN arrives before the wait
// -----------------------------------------------------

inline void cp_async_16(void* shared, const void* global) { simt::copy_async(shared, global, 16, 16); }
inline void cp_async_16(void* shared, const void* global, CachePolicy) { simt::copy_async(shared, global, 16, 16); }
inline void cp_async_16_if(void* shared, const void* global, bool valid) {
  simt::copy_async(shared, global, 16, valid ? 16 : 0);
}
inline void cp_async_8(void* shared, const void* global) { simt::copy_async(shared, global, 8, 8); }
inline void cp_async_4(void* shared, const void* global) { simt::copy_async(shared, global, 4, 4); }
inline void cp_async_commit() { simt::copy_commit(); }
template <int kGroups>
void cp_async_wait() {
  simt::copy_wait(kGroups);
}
inline void cp_async_wait_all() { simt::copy_wait(-1); }

// ---- bulk copies: they arrive when no thread can run without them
// -----------------------------------------------------

void mbarrier_init(uint64_t* barrier, int arrivals);
inline void mbarrier_init_fence() {}
void mbarrier_arrive(uint64_t* barrier);
void mbarrier_arrive_expect(uint64_t* barrier, int bytes);
void mbarrier_wait(uint64_t* barrier, int parity, SAMBAY_SIMT_HERE);
void bulk_copy(void* shared, const void* global, int bytes, uint64_t* barrier);
inline void bulk_copy(void* shared, const void* global, int bytes, uint64_t* barrier, CachePolicy) {
  bulk_copy(shared, global, bytes, barrier);
}
inline void fence_async_shared() {}

// ---- tensor cores: the lane layouts of the PTX manual, sums in f32 in the order of k
// ----------------------------------

void mma_bf16_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], SAMBAY_SIMT_HERE);
void mma_f16_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], SAMBAY_SIMT_HERE);
void ldmatrix_x4(uint32_t (&r)[4], const void* row, SAMBAY_SIMT_HERE);
void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, SAMBAY_SIMT_HERE);
void ldmatrix_x2(uint32_t (&r)[2], const void* row, SAMBAY_SIMT_HERE);
void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row, SAMBAY_SIMT_HERE);

// ---- between blocks and launches
// --------------------------------------------------------------------------------------

inline uint32_t atomic_add(uint32_t* address, uint32_t value) {
  const uint32_t before = *address;
  *address += value;
  return before;
}
inline uint32_t atomicAdd(uint32_t* address, uint32_t value) { return atomic_add(address, value); }
void grid_dependency_wait();
inline void grid_dependency_launch() {}
template <int kRegisters>
void registers_give_back() {}
template <int kRegisters>
void registers_take() {}

}  // namespace sambay::cuda

#endif  // SAMBAY_TESTS_SIMT_HOST_H_

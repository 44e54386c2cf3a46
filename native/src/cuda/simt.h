// The device vocabulary: everything a kernel uses beyond plain C++. Kernels include this header and nothing else, so
// that the same text is compiled by nvcc for a GPU and, with SAMBAY_SIMT_HOST defined, by a C++ compiler for the shim
// of native/tests/simt, which runs a block's threads as fibers. All PTX of the backend is in this file.
//
// Rules for kernels, which the shim relies on:
//  - one params struct `template <...> __global__ void kernel(const __grid_constant__ Params p)`, trivially copyable;
//  - one dynamic block of shared memory, `shared_memory()`, carved by constexpr offsets; no static __shared__;
//  - blocks of whole warps; a warp operation is executed by all 32 lanes at the same place;
//  - nothing warp-synchronous without an operation of this header, and blocks meet through `last_arriver` alone.
//
// Types uint2, uint4, float2, float4 and their make_ functions, threadIdx, blockIdx, blockDim, gridDim,
// __syncthreads(),
// __syncwarp(), __threadfence(), min, max, fmaf, expf and their like are CUDA's own and have twins on the host.
#ifndef SAMBAY_CUDA_SIMT_H_
#define SAMBAY_CUDA_SIMT_H_

#include <cstdint>
#include <cstring>

namespace sambay::cuda {

// Storage types. Arithmetic is done in float.
struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

}  // namespace sambay::cuda

#if defined(SAMBAY_SIMT_HOST)
#include "simt/host.h"  // IWYU pragma: export
#else

namespace sambay::cuda {

// ---- the block ------------------------------------------------------------------------------------------------------

// The block's dynamic shared memory, 1024-byte aligned: as many bytes as the launch asked for.
__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(1024) unsigned char sambay_shared_memory[];
  return sambay_shared_memory;
}

__device__ __forceinline__ uint32_t shared_address(const void* shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

// Named barriers 1 to 15 (0 is __syncthreads()): `threads` threads, whole warps, arrive or wait.
__device__ __forceinline__ void barrier_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ __forceinline__ void barrier_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
// __syncthreads(), and whether `value` held for any thread of the block.
__device__ __forceinline__ bool syncthreads_or(bool value) { return __syncthreads_or(value) != 0; }

// ---- the warp -------------------------------------------------------------------------------------------------------

template <class T>
__device__ __forceinline__ T shfl(T value, int source, int width = 32) {
  return __shfl_sync(0xffffffffu, value, source, width);
}
template <class T>
__device__ __forceinline__ T shfl_xor(T value, int mask, int width = 32) {
  return __shfl_xor_sync(0xffffffffu, value, mask, width);
}
template <class T>
__device__ __forceinline__ T shfl_up(T value, int delta, int width = 32) {
  return __shfl_up_sync(0xffffffffu, value, static_cast<unsigned>(delta), width);
}
template <class T>
__device__ __forceinline__ T shfl_down(T value, int delta, int width = 32) {
  return __shfl_down_sync(0xffffffffu, value, static_cast<unsigned>(delta), width);
}
__device__ __forceinline__ uint32_t ballot(bool value) { return __ballot_sync(0xffffffffu, value); }
__device__ __forceinline__ bool any(bool value) { return __any_sync(0xffffffffu, value) != 0; }
__device__ __forceinline__ bool all(bool value) { return __all_sync(0xffffffffu, value) != 0; }

// ---- bits and conversions -------------------------------------------------------------------------------------------

template <class To, class From>
__device__ __forceinline__ To bit_cast(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "the sizes differ");
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(bf16 value) {
  return __uint_as_float(static_cast<uint32_t>(value.bits) << 16);
}
__device__ __forceinline__ float to_float(f16 value) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
  return result;
}

// Round to nearest even.
template <class T>
__device__ __forceinline__ T from_float(float value);
template <>
__device__ __forceinline__ float from_float<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ bf16 from_float<bf16>(float value) {
  bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
  return result;
}
template <>
__device__ __forceinline__ f16 from_float<f16>(float value) {
  f16 result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
  return result;
}

// Two values in one register, the first in the low half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  uint32_t result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
__device__ __forceinline__ uint32_t pack_f16(float low, float high) {
  uint32_t result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}

// a * b + c on two bf16 or f16 at once, each rounded once.
__device__ __forceinline__ uint32_t fma_bf16x2(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
__device__ __forceinline__ uint32_t fma_f16x2(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t result;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}

// (value & mask) | bits, one instruction.
__device__ __forceinline__ uint32_t and_or(uint32_t value, uint32_t mask, uint32_t bits) {
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(value), "r"(mask), "r"(bits));
  return result;
}
// Four of the eight bytes of (low, high), chosen by the nibbles of `selector`.
__device__ __forceinline__ uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
  return __byte_perm(low, high, selector);
}
// c + the dot product of four signed bytes.
__device__ __forceinline__ int32_t dot_4bytes(uint32_t a, uint32_t b, int32_t c) {
  return __dp4a(static_cast<int32_t>(a), static_cast<int32_t>(b), c);
}

// ---- double precision, rounded once each: never fused, so that the bits are those of any other machine
// ---------------

__device__ __forceinline__ double add_rn(double a, double b) { return __dadd_rn(a, b); }
__device__ __forceinline__ double multiply_rn(double a, double b) { return __dmul_rn(a, b); }
__device__ __forceinline__ double divide_rn(double a, double b) { return __ddiv_rn(a, b); }

// ---- approximate functions, one special-function instruction each: relative error about 2^-22
// -------------------------

__device__ __forceinline__ float exp2_approx(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
__device__ __forceinline__ float log2_approx(float x) {
  float result;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
__device__ __forceinline__ float rcp_approx(float x) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
__device__ __forceinline__ float rsqrt_approx(float x) {
  float result;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// ---- global memory --------------------------------------------------------------------------------------------------
// T is trivially copyable, of 2, 4, 8 or 16 bytes, and aligned to its size.

namespace detail {

// volatile keeps a load behind grid_dependency_wait(); only the coherent one must also see earlier writes.
// clang-format off
#define SAMBAY_LOAD_GLOBAL(name, qualifiers, ...)                                                                \
  struct name {                                                                                                  \
    static __device__ __forceinline__ void load(uint16_t (&w)[1], const void* from) {                            \
      asm volatile("ld.global" qualifiers ".u16 %0, [%1];" : "=h"(w[0]) : "l"(from) __VA_ARGS__);                 \
    }                                                                                                            \
    static __device__ __forceinline__ void load(uint32_t (&w)[1], const void* from) {                            \
      asm volatile("ld.global" qualifiers ".u32 %0, [%1];" : "=r"(w[0]) : "l"(from) __VA_ARGS__);                 \
    }                                                                                                            \
    static __device__ __forceinline__ void load(uint32_t (&w)[2], const void* from) {                            \
      asm volatile(                                                                                              \
          "ld.global" qualifiers ".v2.u32 {%0, %1}, [%2];"                                                       \
          : "=r"(w[0]), "=r"(w[1])                                                                               \
          : "l"(from) __VA_ARGS__); \
    }                                                                                                            \
    static __device__ __forceinline__ void load(uint32_t (&w)[4], const void* from) {                            \
      asm volatile(                                                                                              \
          "ld.global" qualifiers ".v4.u32 {%0, %1, %2, %3}, [%4];"                                               \
          : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3])                                                       \
          : "l"(from) __VA_ARGS__); \
    }                                                                                                            \
  };
SAMBAY_LOAD_GLOBAL(ReadOnly, ".nc")
SAMBAY_LOAD_GLOBAL(Once, ".nc.L1::no_allocate.L2::256B")
SAMBAY_LOAD_GLOBAL(Coherent, ".cg", : "memory")
#undef SAMBAY_LOAD_GLOBAL
// clang-format on

template <int kBytes>
struct Words {
  using Type = uint32_t[kBytes / 4];
};
template <>
struct Words<2> {
  using Type = uint16_t[1];
};

template <class Load, class T>
__device__ __forceinline__ T load(const T* from) {
  typename Words<sizeof(T)>::Type words;
  Load::load(words, from);
  T value;
  memcpy(&value, &words, sizeof(T));
  return value;
}

}  // namespace detail

// What no one writes during the launch; kept in L1.
template <class T>
__device__ __forceinline__ T load_readonly(const T* from) {
  return detail::load<detail::ReadOnly>(from);
}
// What is read once, in order: weights. Passes L1 by and fetches 256 bytes into L2 at a time.
template <class T>
__device__ __forceinline__ T load_once(const T* from) {
  return detail::load<detail::Once>(from);
}
// What another block of this launch may have written: read from L2.
template <class T>
__device__ __forceinline__ T load_coherent(const T* from) {
  return detail::load<detail::Coherent>(from);
}

// How long L2 is asked to keep what a load or an asynchronous copy brings.
using CachePolicy = uint64_t;
__device__ __forceinline__ CachePolicy evict_first() {
  CachePolicy policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
__device__ __forceinline__ CachePolicy evict_last() {
  CachePolicy policy;
  asm volatile("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
// As load_once, with a policy.
__device__ __forceinline__ uint4 load_once(const uint4* from, CachePolicy policy) {
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.L2::256B.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(from), "l"(policy));
  return value;
}
// Brings the line of `address` into L2.
__device__ __forceinline__ void prefetch_l2(const void* address) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}

// ---- asynchronous copies from global to shared memory
// ----------------------------------------------------------------- Complete for the issuing thread after
// cp_async_wait<n>, which leaves the n youngest committed groups under way, and for the other threads after a barrier
// that follows.

__device__ __forceinline__ void cp_async_16(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(global));
}
__device__ __forceinline__ void cp_async_16(void* shared, const void* global, CachePolicy policy) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(global), "l"(policy));
}
// Zeros instead where `valid` is false; `global` is not read then, but must be a mapped address.
__device__ __forceinline__ void cp_async_16_if(void* shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0));
}
__device__ __forceinline__ void cp_async_8(void* shared, const void* global) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared_address(shared)), "l"(global));
}
__device__ __forceinline__ void cp_async_4(void* shared, const void* global) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(shared)), "l"(global));
}
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kGroups>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}
__device__ __forceinline__ void cp_async_wait_all() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// ---- bulk copies and their barriers, compute capability 9.0 and up
// ---------------------------------------------------- An mbarrier is a uint64_t in shared memory. Its phase ends when
// `arrivals` threads have arrived and all bytes expected in it have come; phases are told apart by their parity, 0
// first.

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define SAMBAY_NEEDS_SM90 __trap();
#else
#define SAMBAY_NEEDS_SM90
#endif

__device__ __forceinline__ void mbarrier_init(uint64_t* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
// After the inits, before the barrier that shows them to the other threads.
__device__ __forceinline__ void mbarrier_init_fence() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#else
  SAMBAY_NEEDS_SM90
#endif
}
__device__ __forceinline__ void mbarrier_arrive(uint64_t* barrier) {
  asm volatile("{\n .reg .b64 state;\n mbarrier.arrive.shared::cta.b64 state, [%0];\n}" ::"r"(shared_address(barrier))
               : "memory");
}
// Arrives, and makes the phase wait for `bytes` more.
__device__ __forceinline__ void mbarrier_arrive_expect(uint64_t* barrier, int bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("{\n .reg .b64 state;\n mbarrier.arrive.expect_tx.shared::cta.b64 state, [%0], %1;\n}" ::"r"(
                   shared_address(barrier)),
               "r"(bytes)
               : "memory");
#else
  SAMBAY_NEEDS_SM90
#endif
}
// Until the phase of that parity has ended.
__device__ __forceinline__ void mbarrier_wait(uint64_t* barrier, int parity) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  uint32_t done = 0;
  while (done == 0) {
    asm volatile(
        "{\n .reg .pred ended;\n mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n"
        " selp.u32 %0, 1, 0, ended;\n}"
        : "=r"(done)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
  }
#else
  SAMBAY_NEEDS_SM90
#endif
}
// Both addresses and `bytes` are multiples of 16.
__device__ __forceinline__ void bulk_copy(void* shared, const void* global, int bytes, uint64_t* barrier) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   shared_address(shared)),
               "l"(global), "r"(bytes), "r"(shared_address(barrier))
               : "memory");
#else
  SAMBAY_NEEDS_SM90
#endif
}
__device__ __forceinline__ void bulk_copy(void* shared, const void* global, int bytes, uint64_t* barrier,
                                          CachePolicy policy) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;" ::
          "r"(shared_address(shared)),
      "l"(global), "r"(bytes), "r"(shared_address(barrier)), "l"(policy)
      : "memory");
#else
  SAMBAY_NEEDS_SM90
#endif
}
// Makes ordinary writes to shared memory visible to wgmma and bulk copies issued after the next barrier.
__device__ __forceinline__ void fence_async_shared() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// ---- tensor cores ---------------------------------------------------------------------------------------------------

// d [16, 8] += a [16, 16] b [16, 8]. With g = lane / 4 and t = lane % 4 a lane holds, two values to a register, of a:
// (row g, k 2t..), (g + 8, 2t..), (g, 2t + 8..), (g + 8, 2t + 8..); of b: (k 2t.., column g), (2t + 8.., g); and of d,
// one value to a register: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
__device__ __forceinline__ void mma_bf16_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void mma_f16_16x8x16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Matrices of 8 rows of 16 bytes. Lane 8 m + r gives the address of row r of matrix m (for x2: lanes 0 to 15). Register
// m of a lane receives elements 2t, 2t + 1 of row g; transposed: rows 2t and 2t + 1 of column g.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
}

// ---- between blocks and launches
// --------------------------------------------------------------------------------------

// Adds and gives what was there before.
__device__ __forceinline__ uint32_t atomic_add(uint32_t* address, uint32_t value) { return atomicAdd(address, value); }

// Programmatic dependent launch, for kernels whose params struct says `static constexpr bool kWaitsForPrevious = true`:
// every block calls grid_dependency_wait(), before any early return and before the first read or write of anything an
// earlier launch may touch (weights are exempt); grid_dependency_launch() lets the next kernel begin. No effect where
// the launch did not ask for it, nor before compute capability 9.0.
__device__ __forceinline__ void grid_dependency_wait() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void grid_dependency_launch() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Registers per thread of a warpgroup, given back or taken (multiples of 8), compute capability 9.0a. What is taken
// comes from what the block was launched with alone: whoever asks for more than was given back waits for ever. Hence
// the static_assert on block_registers() that belongs to every pair of these.
template <int kRegisters>
__device__ __forceinline__ void registers_give_back() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
#endif
}
template <int kRegisters>
__device__ __forceinline__ void registers_take() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
#endif
}

}  // namespace sambay::cuda

#endif  // SAMBAY_SIMT_HOST

// ---- built from the above, on both sides
// ------------------------------------------------------------------------------

namespace sambay::cuda {

__device__ __forceinline__ int thread_index() {
  return static_cast<int>(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
}
__device__ __forceinline__ int lane_index() { return thread_index() % 32; }
__device__ __forceinline__ int warp_index() { return thread_index() / 32; }

// Shared memory from `offset` bytes on.
template <class T>
__device__ __forceinline__ T* shared_at(int offset) {
  return reinterpret_cast<T*>(shared_memory() + offset);
}

__device__ __forceinline__ float low_bf16(uint32_t pair) { return bit_cast<float>(pair << 16); }
__device__ __forceinline__ float high_bf16(uint32_t pair) { return bit_cast<float>(pair & 0xffff0000u); }
__device__ __forceinline__ float low_f16(uint32_t pair) { return to_float(f16{static_cast<uint16_t>(pair)}); }
__device__ __forceinline__ float high_f16(uint32_t pair) { return to_float(f16{static_cast<uint16_t>(pair >> 16)}); }

// Registers of a block alone on its multiprocessor, __launch_bounds__(threads, 1): 64K over its threads, each a
// multiple of 8.
constexpr int block_registers(int threads) { return 65536 / threads / 8 * 8 * threads; }

constexpr float kLog2E = 1.44269504088896340736f;

// exp(x) by one multiplication and exp2_approx.
__device__ __forceinline__ float exp_approx(float x) { return exp2_approx(x * kLog2E); }

// Over each group of kLanes neighbouring lanes; every lane receives the result. The order of the sum is fixed.
template <int kLanes = 32, class T = float>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int mask = kLanes / 2; mask > 0; mask /= 2) value += shfl_xor(value, mask);
  return value;
}
template <int kLanes = 32, class T = float>
__device__ __forceinline__ T warp_max(T value) {
#pragma unroll
  for (int mask = kLanes / 2; mask > 0; mask /= 2) value = max(value, shfl_xor(value, mask));
  return value;
}

// Called by all threads of a block when what it wrote to global memory is complete: true in the last of the `blocks`
// blocks that share `counter`, which may then read what the others wrote (with load_coherent), and finds the counter
// back at zero for the next launch. The one way blocks of a launch meet.
__device__ __forceinline__ bool last_arriver(uint32_t* counter, uint32_t blocks) {
  __threadfence();
  __syncthreads();
  bool last = false;
  if (thread_index() == 0) {
    last = atomic_add(counter, 1) == blocks - 1;
    if (last) *counter = 0;
  }
  last = syncthreads_or(last);
  if (last) __threadfence();
  return last;
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_SIMT_H_

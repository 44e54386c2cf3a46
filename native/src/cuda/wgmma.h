// Products of a warpgroup (four warps, the first one's number a multiple of four) on the tensor cores of compute
// capability 9.0a, with operands in shared memory: wgmma. Kept apart from simt.h because few kernels use it and its
// register lists are long. The shim runs it too: results arrive at the wait, and accumulators are NaN until then.
//
//   wgmma_fence();                                     // after accumulators or a's registers were written otherwise
//   for each 16 columns of k: wgmma<bf16>(d, a, b);
//   wgmma_commit();
//   wgmma_wait<0>();                                   // leaves that many of the youngest groups under way
//
// Shared memory that ordinary stores or cp.async wrote must have been passed by fence_async_shared() and a barrier;
// bulk copies need neither.
#ifndef SAMBAY_CUDA_WGMMA_H_
#define SAMBAY_CUDA_WGMMA_H_

#include "cuda/simt.h"

namespace sambay::cuda {

// An operand in shared memory in the 128-byte swizzle: 8 rows of 128 bytes make an atom of 1024 bytes, 1024-byte
// aligned, in which 16-byte piece c of row r lies at piece c ^ r.
//  - k-major: a row is 64 elements of k of one row of the operand; atoms of the next 8 rows are `stride_bytes` further
//  on;
//    leading_bytes is not used. The next 16 elements of k are 32 bytes further on.
//  - n-major (b only): a row is 64 columns n of one k; the next 8 rows k are `stride_bytes` further on, the next 64
//  columns
//    `leading_bytes`.
using WgmmaOperand = uint64_t;

}  // namespace sambay::cuda

#if defined(SAMBAY_SIMT_HOST)
#include "simt/wgmma.h"  // IWYU pragma: export
#else

namespace sambay::cuda {

__device__ __forceinline__ WgmmaOperand wgmma_operand(const void* shared, int stride_bytes, int leading_bytes = 16) {
  constexpr uint64_t kSwizzle128 = uint64_t{1} << 62;
  return (shared_address(shared) & 0x3ffffu) >> 4 | static_cast<uint64_t>(leading_bytes >> 4) << 16 |
         static_cast<uint64_t>(stride_bytes >> 4) << 32 | kSwizzle128;
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int kGroups>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kGroups) : "memory");
}

// clang-format off
#define SAMBAY_REGISTERS_64 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define SAMBAY_SUMS_64 \
  "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
  "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
  "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
  "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
#define SAMBAY_WGMMA_64(type, name) \
  template <bool kNMajor> \
  __device__ __forceinline__ void wgmma_sums(type, float (&d)[32], WgmmaOperand a, WgmmaOperand b) { \
    asm volatile("{\n .reg .pred add;\n setp.ne.b32 add, %35, 0;\n" \
                 " wgmma.mma_async.sync.aligned.m64n64k16.f32." name "." name "\n" \
                 " {" SAMBAY_REGISTERS_64 "}, %32, %33, add, 1, 1, 0, %34;\n}" \
                 : SAMBAY_SUMS_64 : "l"(a), "l"(b), "n"(kNMajor ? 1 : 0), "r"(1)); \
  } \
  template <bool kNMajor> \
  __device__ __forceinline__ void wgmma_sums(type, float (&d)[32], const uint32_t (&a)[4], WgmmaOperand b) { \
    asm volatile("{\n .reg .pred add;\n setp.ne.b32 add, %38, 0;\n" \
                 " wgmma.mma_async.sync.aligned.m64n64k16.f32." name "." name "\n" \
                 " {" SAMBAY_REGISTERS_64 "}, {%32, %33, %34, %35}, %36, add, 1, 1, %37;\n}" \
                 : SAMBAY_SUMS_64 \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(kNMajor ? 1 : 0), "r"(1)); \
  }
#define SAMBAY_REGISTERS_128 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define SAMBAY_SUMS_128 \
  "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
  "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
  "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
  "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), \
  "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), \
  "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), \
  "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), \
  "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
#define SAMBAY_WGMMA_128(type, name) \
  template <bool kNMajor> \
  __device__ __forceinline__ void wgmma_sums(type, float (&d)[64], WgmmaOperand a, WgmmaOperand b) { \
    asm volatile("{\n .reg .pred add;\n setp.ne.b32 add, %67, 0;\n" \
                 " wgmma.mma_async.sync.aligned.m64n128k16.f32." name "." name "\n" \
                 " {" SAMBAY_REGISTERS_128 "}, %64, %65, add, 1, 1, 0, %66;\n}" \
                 : SAMBAY_SUMS_128 : "l"(a), "l"(b), "n"(kNMajor ? 1 : 0), "r"(1)); \
  } \
  template <bool kNMajor> \
  __device__ __forceinline__ void wgmma_sums(type, float (&d)[64], const uint32_t (&a)[4], WgmmaOperand b) { \
    asm volatile("{\n .reg .pred add;\n setp.ne.b32 add, %70, 0;\n" \
                 " wgmma.mma_async.sync.aligned.m64n128k16.f32." name "." name "\n" \
                 " {" SAMBAY_REGISTERS_128 "}, {%64, %65, %66, %67}, %68, add, 1, 1, %69;\n}" \
                 : SAMBAY_SUMS_128 \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(kNMajor ? 1 : 0), "r"(1)); \
  }
#define SAMBAY_REGISTERS_256 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define SAMBAY_SUMS_256 \
  "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
  "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
  "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
  "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), \
  "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), \
  "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), \
  "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), \
  "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63]), \
  "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71]), \
  "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79]), \
  "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83]), "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87]), \
  "+f"(d[88]), "+f"(d[89]), "+f"(d[90]), "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95]), \
  "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99]), "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103]), \
  "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107]), "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111]), \
  "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115]), "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119]), \
  "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123]), "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])
#define SAMBAY_WGMMA_256(type, name) \
  template <bool kNMajor> \
  __device__ __forceinline__ void wgmma_sums(type, float (&d)[128], WgmmaOperand a, WgmmaOperand b) { \
    asm volatile("{\n .reg .pred add;\n setp.ne.b32 add, %131, 0;\n" \
                 " wgmma.mma_async.sync.aligned.m64n256k16.f32." name "." name "\n" \
                 " {" SAMBAY_REGISTERS_256 "}, %128, %129, add, 1, 1, 0, %130;\n}" \
                 : SAMBAY_SUMS_256 : "l"(a), "l"(b), "n"(kNMajor ? 1 : 0), "r"(1)); \
  } \
  template <bool kNMajor> \
  __device__ __forceinline__ void wgmma_sums(type, float (&d)[128], const uint32_t (&a)[4], WgmmaOperand b) { \
    asm volatile("{\n .reg .pred add;\n setp.ne.b32 add, %134, 0;\n" \
                 " wgmma.mma_async.sync.aligned.m64n256k16.f32." name "." name "\n" \
                 " {" SAMBAY_REGISTERS_256 "}, {%128, %129, %130, %131}, %132, add, 1, 1, %133;\n}" \
                 : SAMBAY_SUMS_256 \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(kNMajor ? 1 : 0), "r"(1)); \
  }
// clang-format on
SAMBAY_WGMMA_64(bf16, "bf16")
SAMBAY_WGMMA_128(bf16, "bf16")
SAMBAY_WGMMA_256(bf16, "bf16")
SAMBAY_WGMMA_64(f16, "f16")
SAMBAY_WGMMA_128(f16, "f16")
SAMBAY_WGMMA_256(f16, "f16")
#undef SAMBAY_WGMMA_64
#undef SAMBAY_SUMS_64
#undef SAMBAY_REGISTERS_64
#undef SAMBAY_WGMMA_128
#undef SAMBAY_SUMS_128
#undef SAMBAY_REGISTERS_128
#undef SAMBAY_WGMMA_256
#undef SAMBAY_SUMS_256
#undef SAMBAY_REGISTERS_256
#else  // kernels with wgmma are never started on other cards, but are compiled for them
__device__ __forceinline__ void wgmma_fence() { __trap(); }
__device__ __forceinline__ void wgmma_commit() { __trap(); }
template <int kGroups>
__device__ __forceinline__ void wgmma_wait() {
  __trap();
}
template <bool kNMajor, class T, int kSums, class A>
__device__ __forceinline__ void wgmma_sums(T, float (&)[kSums], const A&, WgmmaOperand) {
  __trap();
}
#endif

// d [64, n] += a [64, 16] b [16, n], n = 64, 128 or 256; T: bf16 or f16. Of d, lane 4 g + t of warp w of the group
// holds, for each j = 0 .. n / 8 - 1, in d[4 j ..]: (row 16 w + g, column 8 j + 2 t), (the same, + 1), (row + 8, the
// same two). a k-major in shared memory, or in registers: rows 16 w .. as those of mma_bf16_16x8x16. b k-major or, with
// kNMajor, n-major.
template <class T, bool kNMajor = false, int kSums>
__device__ __forceinline__ void wgmma(float (&d)[kSums], WgmmaOperand a, WgmmaOperand b) {
  wgmma_sums<kNMajor>(T{}, d, a, b);
}
template <class T, bool kNMajor = false, int kSums>
__device__ __forceinline__ void wgmma(float (&d)[kSums], const uint32_t (&a)[4], WgmmaOperand b) {
  wgmma_sums<kNMajor>(T{}, d, a, b);
}

// After the wait for the products of d and before the first look at it: ordinary instructions on registers that a
// compiler is free to move across a wait stay behind it.
template <int kSums>
__device__ __forceinline__ void wgmma_pin(float (&d)[kSums]) {
#pragma unroll
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

}  // namespace sambay::cuda

#endif  // SAMBAY_SIMT_HOST
#endif  // SAMBAY_CUDA_WGMMA_H_

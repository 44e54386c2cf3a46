// wgmma for the host. Each product is computed when a wait covers it, from what shared memory holds then; until then
// its accumulators are NaN. The four warps of a group meet at the wait.
#ifndef SAMBAY_TESTS_SIMT_WGMMA_H_
#define SAMBAY_TESTS_SIMT_WGMMA_H_

#include "cuda/simt.h"

namespace sambay::cuda {

WgmmaOperand wgmma_operand(const void* shared, int stride_bytes, int leading_bytes = 16);
void wgmma_fence(SAMBAY_SIMT_HERE);
void wgmma_commit();

namespace simt {

// One lane's part of a product under way.
struct Product {
  float* d;
  int sums;  // of d
  bool is_bf16, n_major, a_in_registers;
  WgmmaOperand a, b;
  uint32_t registers[4];
};
void start_product(Site site, const Product& product);
void wait_for_products(Site site, int groups);

}  // namespace simt

template <int kGroups>
void wgmma_wait(SAMBAY_SIMT_HERE) {
  simt::wait_for_products({"wgmma_wait", file, line}, kGroups);
}

template <class T, bool kNMajor = false, int kSums>
void wgmma(float (&d)[kSums], WgmmaOperand a, WgmmaOperand b, SAMBAY_SIMT_HERE) {
  static_assert(kSums == 32 || kSums == 64 || kSums == 128);
  simt::start_product({"wgmma", file, line}, {d, kSums, std::is_same_v<T, bf16>, kNMajor, false, a, b, {}});
}
template <class T, bool kNMajor = false, int kSums>
void wgmma(float (&d)[kSums], const uint32_t (&a)[4], WgmmaOperand b, SAMBAY_SIMT_HERE) {
  static_assert(kSums == 32 || kSums == 64 || kSums == 128);
  simt::start_product({"wgmma", file, line},
                      {d, kSums, std::is_same_v<T, bf16>, kNMajor, true, 0, b, {a[0], a[1], a[2], a[3]}});
}

template <int kSums>
void wgmma_pin(float (&)[kSums]) {}

}  // namespace sambay::cuda

#endif  // SAMBAY_TESTS_SIMT_WGMMA_H_

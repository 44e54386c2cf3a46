// The SIMT shim itself: a kernel of the usual shape gives the same bits in every order of threads, its planted faults
// are all caught, and tensor-core operations, conversions and bulk copies do what the PTX manual says.
#include "cuda/simt.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "check.h"
#include "cuda/queue.h"
#include "cuda/wgmma.h"
#include "simt/orders.h"

using namespace sambay::cuda;
using sambay::test::expect_abort;
using sambay::test::failures;
using sambay::test::for_each_order;

namespace {

enum class Fault { kNone, kNoBarrier, kEarlyWait, kDivergentShuffle, kSharedTooSmall, kBarrierInBranch, kLaneLeaves };

// ---- the pattern every kernel of the backend follows
// --------------------------------------------------------------------

struct ColumnSumsParams {
  const float* x;      // [rows, kColumns]
  float* partial;      // [blocks, kColumns]
  float* y;            // [kColumns]: the sums over the rows
  uint32_t* arrivals;  // [1]
  int rows;
};

constexpr int kColumns = 128, kTile = 4, kStages = 2;
constexpr int kStageFloats = kTile * kColumns;
constexpr int kColumnSumsShared = kStages * kStageFloats * 4 + 4 * 4 + kColumns * 4;

// Sums of columns: each block sums its rows in tiles of kTile, two tiles under way; the last block adds up the partial
// sums in the order of the blocks. (The norm of each tile only serves to have warps exchange something.)
template <Fault kFault>
__global__ void column_sums(const __grid_constant__ ColumnSumsParams p) {
  float* stages = shared_at<float>(0);
  float* warp_sums = shared_at<float>(kStages * kStageFloats * 4);
  float* totals = warp_sums + 4;
  const int rows = p.rows / static_cast<int>(gridDim.x), first = static_cast<int>(blockIdx.x) * rows;
  const int thread = thread_index(), tiles = rows / kTile;

  auto fetch = [&](int tile) {
    if (tile < tiles) {
      cp_async_16(stages + tile % kStages * kStageFloats + thread * 4,
                  p.x + (first + tile * kTile) * kColumns + thread * 4);
    }
    cp_async_commit();
  };
  fetch(0);
  float sum = 0, norm = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    fetch(tile + 1);
    cp_async_wait<kFault == Fault::kEarlyWait ? 2 : 1>();
    if (kFault != Fault::kNoBarrier) __syncthreads();
    const float* stage = stages + tile % kStages * kStageFloats;
    for (int row = 0; row < kTile; ++row) sum += stage[row * kColumns + thread];
    __syncthreads();
  }
  cp_async_wait_all();

  if (kFault == Fault::kLaneLeaves && thread == 5) return;
  if (kFault == Fault::kDivergentShuffle && thread % 32 < 16) {
    norm = shfl_xor(sum * sum, 1);
  } else {
    norm = warp_sum(sum * sum);
  }
  if (lane_index() == 0) warp_sums[warp_index()] = norm;
  if (kFault == Fault::kBarrierInBranch && thread < 64) __syncthreads();
  __syncthreads();
  totals[thread] = warp_sums[0] + warp_sums[1] + warp_sums[2] + warp_sums[3];
  p.partial[blockIdx.x * kColumns + thread] = totals[thread] > 0 ? sum : 0;

  if (!last_arriver(p.arrivals, gridDim.x)) return;
  float total = 0;
  for (int block = 0; block < static_cast<int>(gridDim.x); ++block) {
    total += load_coherent(p.partial + block * kColumns + thread);
  }
  p.y[thread] = total;
}

constexpr int kBlocks = 5, kRows = kBlocks * kTile * 3;

template <Fault kFault>
std::vector<float> sum_columns(const std::vector<float>& x) {
  Queue queue(0);
  std::vector<float> y(kColumns);
  queue.begin_operation();
  ColumnSumsParams params{queue.input(x.data(), kRows * kColumns), queue.scratch_of<float>(kBlocks * kColumns),
                          queue.output(y.data(), kColumns), queue.counters(1), kRows};
  queue.launch(column_sums<kFault>, kBlocks, kColumns, kColumnSumsShared - (kFault == Fault::kSharedTooSmall ? 16 : 0),
               params);
  queue.finish_operation();
  CHECK(*params.arrivals == 0, "the counter was left at %u", *params.arrivals);
  return y;
}

std::vector<float> random_values(size_t n) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void the_order_of_threads_does_not_matter() {
  const std::vector<float> x = random_values(kRows * kColumns);
  std::vector<float> first;
  for_each_order([&](const std::string& order) {
    const std::vector<float> y = sum_columns<Fault::kNone>(x);
    if (first.empty()) first = y;
    CHECK(same_bits(y, first), "the sums differ with %s threads", order.c_str());
    for (int column = 0; column < kColumns; ++column) {
      double want = 0;
      for (int row = 0; row < kRows; ++row) want += x[static_cast<size_t>(row * kColumns + column)];
      CHECK(std::fabs(y[static_cast<size_t>(column)] - want) < 1e-4, "column %d: %g, expected %g", column,
            y[static_cast<size_t>(column)], want);
    }
  });
}

// A fault is caught if the shim stops it, or if in some order the result is another (or NaN).
template <Fault kFault>
void expect_difference(const char* what) {
  const std::vector<float> x = random_values(kRows * kColumns);
  const std::vector<float> right = sum_columns<Fault::kNone>(x);
  bool seen = false;
  for_each_order([&](const std::string&) { seen = seen || !same_bits(sum_columns<kFault>(x), right); });
  CHECK(seen, "%s: no order of threads shows it", what);
}

void planted_faults_are_caught() {
  const std::vector<float> x = random_values(kRows * kColumns);
  expect_difference<Fault::kNoBarrier>("a barrier is missing");
  expect_difference<Fault::kEarlyWait>("a wait comes a group early");
  expect_abort("a divergent shuffle", "the warp diverges", [&] { sum_columns<Fault::kDivergentShuffle>(x); });
  expect_abort("shared memory 16 bytes short", "after its end", [&] { sum_columns<Fault::kSharedTooSmall>(x); });
  expect_abort("a barrier in a branch", "the block diverges", [&] { sum_columns<Fault::kBarrierInBranch>(x); });
  expect_abort("a lane that leaves", "deadlock", [&] { sum_columns<Fault::kLaneLeaves>(x); });
}

// ---- operations one by one
// ----------------------------------------------------------------------------------------------

// Runs `body` as a kernel of one block.
struct BodyParams {
  const std::function<void()>* body;
};
__global__ void run_body(const __grid_constant__ BodyParams p) { (*p.body)(); }
void in_one_block(int threads, int64_t shared_bytes, const std::function<void()>& body) {
  Queue queue(0);
  queue.launch(run_body, 1, threads, shared_bytes, BodyParams{&body});
}

// y = a b by mma, fragments from ldmatrix: a row-major [16, 16], b row-major [16, 8] (transposed load).
template <class T, auto kMma>
void expect_product(const char* name) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<T> a(256), b(128);
  for (T& value : a) value = from_float<T>(normal(random));
  for (T& value : b) value = from_float<T>(normal(random));
  std::vector<float> d(128);
  in_one_block(32, 16 * 16 * 2 + 16 * 8 * 2, [&] {
    T* shared_a = shared_at<T>(0);
    T* shared_b = shared_at<T>(512);
    const int lane = lane_index();
    for (int i = lane; i < 256; i += 32) shared_a[i] = a[static_cast<size_t>(i)];
    for (int i = lane; i < 128; i += 32) shared_b[i] = b[static_cast<size_t>(i)];
    __syncwarp();
    uint32_t fa[4], fb[2];
    ldmatrix_x4(fa, shared_a + lane % 16 * 16 + lane / 16 * 8);
    ldmatrix_x2_trans(fb, shared_b + lane % 16 * 8);
    float sums[4] = {0, 0, 0, 1};
    kMma(sums, fa, fb);
    for (int i = 0; i < 4; ++i) d[static_cast<size_t>((lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2)] = sums[i];
  });
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      double want = row >= 8 && column % 2 == 1 ? 1 : 0;
      for (int k = 0; k < 16; ++k) {
        want += static_cast<double>(to_float(a[static_cast<size_t>(row * 16 + k)])) *
                to_float(b[static_cast<size_t>(k * 8 + column)]);
      }
      const float got = d[static_cast<size_t>(row * 8 + column)];
      CHECK(std::fabs(got - want) < 1e-5, "%s [%d, %d]: %g, expected %g", name, row, column, got, want);
    }
  }
}

void tensor_cores_multiply() {
  expect_product<bf16, [](float(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[2]) { mma_bf16_16x8x16(d, a, b); }>(
      "mma_bf16_16x8x16");
  expect_product<f16, [](float(&d)[4], const uint32_t(&a)[4], const uint32_t(&b)[2]) { mma_f16_16x8x16(d, a, b); }>(
      "mma_f16_16x8x16");
}

// Where element i of line `line` lies in the 128-byte swizzle, 64 elements to a line; in elements.
int swizzled(int line, int i) { return line * 64 + ((i / 8) ^ (line % 8)) * 8 + i % 8; }

enum class Wgmma { kNone, kNoFence, kNoWait, kNotSwizzled };

// y = a b + 1 over 64 elements of k by four products, a [64, 64] from shared memory or registers, b [64, n] k-major
// (its transpose in memory) or n-major. Returns the largest error.
template <int kN, bool kNMajor, bool kRegisters, Wgmma kFault = Wgmma::kNone>
double wgmma_error() {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<bf16> a(64 * 64), b(64 * kN);  // [row][k], [k][column]
  for (bf16& value : a) value = from_float<bf16>(normal(random));
  for (bf16& value : b) value = from_float<bf16>(normal(random));
  std::vector<float> y(64 * kN);
  in_one_block(128, 8192 + 64 * kN * 2, [&] {
    auto* shared_a = shared_at<bf16>(0);
    auto* shared_b = shared_at<bf16>(8192);
    const int thread = thread_index();
    for (int i = thread; i < 64 * 64; i += 128) {
      shared_a[kFault == Wgmma::kNotSwizzled ? i : swizzled(i / 64, i % 64)] = a[static_cast<size_t>(i)];
    }
    for (int i = thread; i < 64 * kN; i += 128) {
      const int k = i / kN, column = i % kN;
      shared_b[kNMajor ? column / 64 * 4096 + swizzled(k, column % 64) : swizzled(column, k)] =
          b[static_cast<size_t>(i)];
    }
    fence_async_shared();
    __syncthreads();
    float d[kN / 2];
    for (float& sum : d) sum = 1;
    if (kFault != Wgmma::kNoFence) wgmma_fence();
    for (int k = 0; k < 64; k += 16) {
      const WgmmaOperand operand_b =
          kNMajor ? wgmma_operand(shared_b + k * 64, 1024, 8192) : wgmma_operand(shared_b + k, 1024);
      if constexpr (kRegisters) {
        const int row = warp_index() * 16 + lane_index() / 4, t = k + lane_index() % 4 * 2;
        const auto pair = [&](int r, int at) {
          return static_cast<uint32_t>(a[static_cast<size_t>(r * 64 + at)].bits) |
                 static_cast<uint32_t>(a[static_cast<size_t>(r * 64 + at + 1)].bits) << 16;
        };
        const uint32_t fragment[4] = {pair(row, t), pair(row + 8, t), pair(row, t + 8), pair(row + 8, t + 8)};
        wgmma<bf16, kNMajor>(d, fragment, operand_b);
      } else {
        wgmma<bf16, kNMajor>(d, wgmma_operand(shared_a + k, 1024), operand_b);
      }
    }
    wgmma_commit();
    if (kFault != Wgmma::kNoWait) wgmma_wait<0>();
    const int row = warp_index() * 16 + lane_index() / 4;
    for (int i = 0; i < kN / 2; ++i) {
      y[static_cast<size_t>((row + i / 2 % 2 * 8) * kN + i / 4 * 8 + lane_index() % 4 * 2 + i % 2)] = d[i];
    }
  });
  double worst = 0;
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < kN; ++column) {
      double want = 1;
      for (int k = 0; k < 64; ++k) {
        want += static_cast<double>(to_float(a[static_cast<size_t>(row * 64 + k)])) *
                to_float(b[static_cast<size_t>(k * kN + column)]);
      }
      worst = std::max(worst, std::fabs(y[static_cast<size_t>(row * kN + column)] - want));
    }
  }
  return worst;
}

void warpgroups_multiply() {
  for_each_order([](const std::string& order) {
    CHECK((wgmma_error<64, false, false>() < 1e-4), "wgmma, 64 columns, k-major, %s", order.c_str());
    CHECK((wgmma_error<128, true, false>() < 1e-4), "wgmma, 128 columns, n-major, %s", order.c_str());
    CHECK((wgmma_error<128, true, true>() < 1e-4), "wgmma, a in registers, %s", order.c_str());
    CHECK((wgmma_error<256, false, true>() < 1e-4), "wgmma, 256 columns, %s", order.c_str());
  });
  CHECK((wgmma_error<64, false, false, Wgmma::kNotSwizzled>() > 1), "wgmma takes rows that are not swizzled");
  expect_abort("no fence", "before wgmma_fence()", [] { wgmma_error<64, false, false, Wgmma::kNoFence>(); });
  expect_abort("no wait", "products of wgmma under way", [] { wgmma_error<64, false, false, Wgmma::kNoWait>(); });
}

void lanes_exchange() {
  for_each_order([](const std::string& order) {
    in_one_block(96, 0, [&] {
      const int lane = lane_index();
      CHECK(shfl(lane, 7) == 7, "shfl, %s", order.c_str());
      CHECK(shfl(lane, 3, 8) == lane / 8 * 8 + 3, "shfl in eights, %s", order.c_str());
      CHECK(shfl_xor(lane, 5) == (lane ^ 5), "shfl_xor, %s", order.c_str());
      CHECK(shfl_up(lane, 2) == (lane < 2 ? lane : lane - 2), "shfl_up, %s", order.c_str());
      CHECK(shfl_down(lane, 2, 16) == (lane % 16 >= 14 ? lane : lane + 2), "shfl_down, %s", order.c_str());
      CHECK(ballot(lane % 3 == 0) == 0x49249249u, "ballot, %s", order.c_str());
      CHECK(any(lane == 31) && !all(lane == 31), "any and all, %s", order.c_str());
      CHECK(warp_sum(lane) == 496 && warp_max<8>(lane) == lane / 8 * 8 + 7, "warp_sum, warp_max, %s", order.c_str());
      CHECK(syncthreads_or(thread_index() == 95), "syncthreads_or, %s", order.c_str());
      CHECK(!syncthreads_or(false), "syncthreads_or of nobody, %s", order.c_str());
    });
  });
}

void conversions_round_to_even() {
  CHECK(from_float<bf16>(1.00390625f).bits == 0x3f80, "bf16 1 + 2^-8 rounds down to even");
  CHECK(from_float<bf16>(1.01171875f).bits == 0x3f82, "bf16 1 + 3 * 2^-8 rounds up to even");
  CHECK(from_float<f16>(1.00048828125f).bits == 0x3c00, "f16 1 + 2^-11 rounds down to even");
  CHECK(from_float<f16>(65520).bits == 0x7c00, "f16 65520 becomes infinite");
  CHECK(std::isnan(to_float(from_float<bf16>(NAN))), "bf16 of NaN");
  const uint32_t pair = pack_bf16(1.5f, -2);
  CHECK(low_bf16(pair) == 1.5f && high_bf16(pair) == -2, "pack_bf16");
  CHECK(low_f16(pack_f16(1.5f, -2)) == 1.5f && high_f16(pack_f16(1.5f, -2)) == -2, "pack_f16");
  // Nibbles to bf16 as the int4 product does it: 128 + u in the mantissa, less 136.
  const uint32_t nibbles = and_or(0x00090003u, 0x000f000fu, 0x43004300u);
  const uint32_t centred = fma_bf16x2(nibbles, pack_bf16(1, 1), pack_bf16(-136, -136));
  CHECK(low_bf16(centred) == -5 && high_bf16(centred) == 1, "and_or with fma_bf16x2");
  CHECK(byte_permute(0x33221100u, 0x77665544u, 0x7531u) == 0x77553311u, "byte_permute");
  CHECK(dot_4bytes(0x01ff0203u, 0x02020202u, 1) == 11, "dot_4bytes");
}

void bulk_copies_arrive_with_their_barrier() {
  const std::vector<float> from = random_values(256);
  for_each_order([&](const std::string& order) {
    in_one_block(64, 1024 + 16, [&] {
      float* to = shared_at<float>(0);
      auto* full = shared_at<uint64_t>(1024);
      if (thread_index() == 0) {
        mbarrier_init(full, 1);
        mbarrier_init_fence();
      }
      __syncthreads();
      for (int round = 0; round < 2; ++round) {
        if (thread_index() == 0) {
          mbarrier_arrive_expect(full, 512);
          bulk_copy(to, from.data() + round * 128, 512, full);
        }
        if (thread_index() != 0) mbarrier_wait(full, round);
        if (thread_index() == 0)
          CHECK(round == 1 || std::isnan(to[0]), "a copy is seen before the wait, %s", order.c_str());
        __syncthreads();
        for (int i = thread_index(); i < 128; i += 64) {
          CHECK(to[i] == from[static_cast<size_t>(round * 128 + i)], "element %d of round %d, %s", i, round,
                order.c_str());
        }
        __syncthreads();
      }
    });
  });
  expect_abort("nobody copies", "deadlock", [] {
    in_one_block(32, 16, [] {
      auto* full = shared_at<uint64_t>(0);
      if (thread_index() == 0) mbarrier_init(full, 1);
      __syncthreads();
      mbarrier_wait(full, 0);
    });
  });
}

void named_barriers_hand_over() {
  for_each_order([](const std::string& order) {
    in_one_block(64, 4, [&] {
      auto* mail = shared_at<int>(0);
      if (warp_index() == 0) {
        if (lane_index() == 0) *mail = 42;
        barrier_arrive(1, 64);
      } else {
        barrier_sync(1, 64);
        CHECK(*mail == 42, "named barrier, %s", order.c_str());
      }
    });
  });
}

void misuse_is_named() {
  expect_abort("half a warp", "whole warps", [] { in_one_block(48, 0, [] {}); });
  expect_abort("copies left behind", "under way", [] {
    in_one_block(32, 512, [] {
      static const float source[4] = {};
      cp_async_16(shared_at<float>(16 * lane_index()), source);
    });
  });
  expect_abort("a copy beyond the end", "of shared memory", [] {
    in_one_block(32, 16, [] {
      static const float source[4] = {};
      cp_async_16(shared_at<float>(16), source);
    });
  });
  expect_abort("an operation without a host spelling", "needs a GPU",
               [] { in_one_block(32, 0, [] { simt::not_on_the_host("a cluster"); }); });
}

}  // namespace

int main() {
  the_order_of_threads_does_not_matter();
  planted_faults_are_caught();
  tensor_cores_multiply();
  warpgroups_multiply();
  lanes_exchange();
  conversions_round_to_even();
  bulk_copies_arrive_with_their_barrier();
  named_barriers_hand_over();
  misuse_is_named();
  if (failures() != 0) std::printf("%d checks failed\n", failures());
  return failures() == 0 ? 0 : 1;
}

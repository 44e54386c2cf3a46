#include "cuda/wgmma.h"

#include <deque>
#include <vector>

namespace sambay::cuda {
namespace simt {
namespace {

constexpr int kRows = 64, kDepth = 16, kLanes = 128;

struct Started {
  Site site;
  Product product;
  int64_t group;
  std::vector<float> sums;  // what d held, if no earlier product of the thread still has to add to it
};

struct Thread {
  std::deque<Started> products;
  int64_t group = 0;
  bool fenced = false;
};

Thread threads[1024];

bool same(const Product& a, const Product& b) {
  return a.sums == b.sums && a.is_bf16 == b.is_bf16 && a.n_major == b.n_major && a.a_in_registers == b.a_in_registers &&
         a.a == b.a && a.b == b.b;
}

// An operand's fields, and its elements.
class Operand {
 public:
  Operand(WgmmaOperand operand, bool n_major, bool is_bf16)
      : start_(static_cast<int>(operand & 0x3fff) << 4),
        leading_(static_cast<int>(operand >> 16 & 0x3fff) << 4),
        stride_(static_cast<int>(operand >> 32 & 0x3fff) << 4),
        n_major_(n_major),
        is_bf16_(is_bf16) {}

  // Row (of a) or column (of b) i, element k.
  float at(int i, int k) const {
    const int line = n_major_ ? k : i, place = n_major_ ? i % 64 : k;
    int offset = start_ + line / 8 * stride_ + line % 8 * 128 + place * 2;
    if (n_major_) offset += i / 64 * leading_;
    offset ^= (offset >> 7 & 7) << 4;
    const unsigned char* address = shared_memory() + offset;
    check_shared("wgmma", address, 2, 2);
    uint16_t bits;
    std::memcpy(&bits, address, 2);
    return is_bf16_ ? to_float(bf16{bits}) : to_float(f16{bits});
  }

 private:
  int start_, leading_, stride_;
  bool n_major_, is_bf16_;
};

// Adds the product that stands first in the queues of a warpgroup.
void finish_product(int first_thread) {
  Thread* const group = threads + first_thread;
  const Product& all = group[0].products.front().product;
  const int columns = all.sums * 2;
  std::vector<float> a(kRows * kDepth), b(static_cast<size_t>(columns) * kDepth);
  const Operand from_b(all.b, all.n_major, all.is_bf16);
  for (int n = 0; n < columns; ++n) {
    for (int k = 0; k < kDepth; ++k) b[static_cast<size_t>(n * kDepth + k)] = from_b.at(n, k);
  }
  if (!all.a_in_registers) {
    const Operand from_a(all.a, false, all.is_bf16);
    for (int row = 0; row < kRows; ++row) {
      for (int k = 0; k < kDepth; ++k) a[static_cast<size_t>(row * kDepth + k)] = from_a.at(row, k);
    }
  } else {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint32_t* registers = group[lane].products.front().product.registers;
      for (int i = 0; i < 8; ++i) {
        const int row = lane / 32 * 16 + lane % 32 / 4 + i / 2 % 2 * 8, k = lane % 4 * 2 + i / 4 * 8 + i % 2;
        const auto bits = static_cast<uint16_t>(registers[i / 2] >> (i % 2 * 16));
        a[static_cast<size_t>(row * kDepth + k)] = all.is_bf16 ? to_float(bf16{bits}) : to_float(f16{bits});
      }
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    std::deque<Started>& queue = group[lane].products;
    Started done = std::move(queue.front());
    queue.pop_front();
    for (int i = 0; i < done.product.sums; ++i) {
      const int row = lane / 32 * 16 + lane % 32 / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      float sum = done.sums[static_cast<size_t>(i)];
      for (int k = 0; k < kDepth; ++k) {
        sum += a[static_cast<size_t>(row * kDepth + k)] * b[static_cast<size_t>(column * kDepth + k)];
      }
      done.sums[static_cast<size_t>(i)] = sum;
    }
    // To the next product of the same sums, or to their owner.
    Started* next = nullptr;
    for (Started& later : queue) {
      if (later.product.d == done.product.d) {
        next = &later;
        break;
      }
    }
    if (next != nullptr) {
      next->sums = std::move(done.sums);
    } else {
      std::copy(done.sums.begin(), done.sums.end(), done.product.d);
    }
  }
}

}  // namespace

void start_product(Site site, const Product& product) {
  Thread& self = threads[thread()];
  if (!self.fenced) fail("wgmma (%s:%d) before wgmma_fence()", site.file, site.line);
  bool pending = false;
  for (const Started& earlier : self.products) pending = pending || earlier.product.d == product.d;
  std::vector<float> sums;
  if (!pending) {
    sums.assign(product.d, product.d + product.sums);
    std::fill_n(product.d, product.sums, std::bit_cast<float>(0xffffffffu));
  }
  self.products.push_back({site, product, self.group, std::move(sums)});
}

void wait_for_products(Site site, int groups) {
  int mine = groups;
  meet_warpgroup(
      site,
      [](void* const* lanes) {
        const int first = thread() / kLanes * kLanes, left = *static_cast<int*>(lanes[0]);
        const auto covered = [left](const Thread& of) {
          return !of.products.empty() && of.products.front().group < of.group - left;
        };
        while (covered(threads[first])) {
          const Started& product = threads[first].products.front();
          for (int lane = 1; lane < kLanes; ++lane) {
            const Thread& other = threads[first + lane];
            if (!covered(other) || !same(other.products.front().product, product.product)) {
              fail("the warpgroup diverges: thread %d has not started the wgmma of thread %d (%s:%d)", first + lane,
                   first, product.site.file, product.site.line);
            }
          }
          finish_product(first);
        }
      },
      &mine);
  threads[thread()].fenced = false;
}

bool forget_products(int thread) {
  const bool any_left = !threads[thread].products.empty();
  threads[thread] = {};
  return any_left;
}

}  // namespace simt

WgmmaOperand wgmma_operand(const void* shared, int stride_bytes, int leading_bytes) {
  simt::check_shared("wgmma_operand", shared, 16, 16);
  const auto offset = static_cast<uint64_t>(static_cast<const unsigned char*>(shared) - simt::shared_memory());
  return offset >> 4 | static_cast<uint64_t>(leading_bytes >> 4) << 16 | static_cast<uint64_t>(stride_bytes >> 4) << 32;
}

void wgmma_fence(const char* file, int line) {
  simt::meet_warp({"wgmma_fence", file, line}, [](void* const*) {}, nullptr);
  simt::threads[simt::thread()].fenced = true;
}

void wgmma_commit() { simt::threads[simt::thread()].group += 1; }

}  // namespace sambay::cuda

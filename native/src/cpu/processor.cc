#include "cpu/processor.h"

#include <unistd.h>

#include <cinttypes>
#include <cstring>
#include <thread>

#include "api/check.h"
#include "cpu/isa.h"

namespace sambay {
namespace {

const Ops& required_ops(const char* target) {
  const Ops* ops = find_ops(target);
  if (ops == nullptr && target_known(target)) {
    throw Failure(SY_ERR_UNSUPPORTED, "target \"%s\" does not run here: the CPU or the operating system lacks it",
                  target);
  }
  if (ops == nullptr) {
    throw Failure(SY_ERR_ARGUMENT, "target is \"%.32s\", expected auto, scalar, avx2, avx512 or amx", target);
  }
  return *ops;
}

int core_count() {
  unsigned cores = std::thread::hardware_concurrency();  // those this process may use
  return cores == 0 ? 1 : static_cast<int>(cores);
}

}  // namespace

CpuProcessor::CpuProcessor(const char* target, int threads) : CpuProcessor(required_ops(target), threads) {}

CpuProcessor::CpuProcessor(const Ops& ops, int threads) : ops_(ops), pool_(threads == 0 ? core_count() : threads) {
  const int n = pool_.threads();
  description_ = std::string("cpu, ") + ops_.target + ", " + std::to_string(n) + (n == 1 ? " thread" : " threads");
}

void CpuProcessor::memory(int64_t* free_bytes, int64_t* total_bytes) {
  const int64_t page = sysconf(_SC_PAGESIZE);
  *free_bytes = sysconf(_SC_AVPHYS_PAGES) * page;
  *total_bytes = sysconf(_SC_PHYS_PAGES) * page;
}

void CpuProcessor::timer_stop(double* seconds) {
  *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - timer_).count();
}

void CpuProcessor::allocate(int64_t bytes, void** data, void** allocation) {
  auto pages = std::make_unique<Pages>(bytes);
  *data = pages->data();
  *allocation = pages.release();
}

void CpuProcessor::upload(void* to, const void* from, int64_t bytes) {
  std::memmove(to, from, static_cast<size_t>(bytes));
}

void CpuProcessor::download(const void* from, void* to, int64_t bytes) {
  std::memmove(to, from, static_cast<size_t>(bytes));
}

sy_tensor CpuProcessor::Scratch::matrix(int64_t rows, int64_t cols, sy_dtype dtype) {
  const int64_t bytes = rows * cols * element_bytes(dtype);
  if (pages_ == nullptr || pages_->bytes() < bytes) {
    pages_.reset();
    pages_ = std::make_unique<Pages>(bytes);
  }
  return {pages_->data(), dtype, rows, cols, cols};
}

// The norm before a product and the gate after it are operations of their own here, with their results in scratch
// memory: rows of a decode step stay in the second cache between the two.
void CpuProcessor::linear(const sy_linear_args& args) {
  sy_linear_args product = args;
  product.norm = nullptr;
  sy_tensor normed;
  if (args.norm != nullptr) {
    const sy_norm& norm = *args.norm;
    normed = normed_.matrix(args.x->rows, args.x->cols, norm.dtype);
    if (norm.bias != nullptr) {
      ops_.layer_norm(pool_, {args.x, norm.weight, norm.bias, &normed, norm.eps});
    } else {
      ops_.rms_norm(pool_, {args.x, norm.weight, &normed, norm.eps});
    }
    product.x = &normed;
  }
  const auto multiply = is_quantized(args.weight->storage) ? ops_.linear_quantized : ops_.linear;
  if ((args.flags & (SY_LINEAR_SWIGLU | SY_LINEAR_GMU)) == 0) {
    multiply(pool_, product);
    return;
  }
  sy_tensor gates = product_.matrix(args.x->rows, args.weight->rows, args.y->dtype);
  product.y = &gates;
  product.flags = 0;
  multiply(pool_, product);
  if ((args.flags & SY_LINEAR_SWIGLU) != 0) {
    ops_.swiglu(pool_, {&gates, args.y});
  } else {
    ops_.gmu(pool_, {&gates, args.memory, nullptr, args.y, 0, 0});
  }
}

void CpuProcessor::after_stream(void*) {
  throw Failure(SY_ERR_UNSUPPORTED, "the device is the CPU, expected a card: it has no stream");
}
void CpuProcessor::expect_own_memory(const void*, int64_t) {
  throw Failure(SY_ERR_UNSUPPORTED, "the device is the CPU, expected a card: only memory of cards is borrowed");
}

void CpuProcessor::graph_begin() {
  throw Failure(SY_ERR_UNSUPPORTED, "the CPU keeps no graphs: a call costs it less than a microsecond");
}
void CpuProcessor::graph_end(void**) { graph_begin(); }
void CpuProcessor::graph_launch(void*) { graph_begin(); }

const ProcessorTable& cpu_processor_table() {
  static constexpr ProcessorTable table = processor_table<CpuProcessor>();
  return table;
}

}  // namespace sambay

#include "cuda/processor.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <utility>

#include "api/error.h"

namespace sambay::cuda {
namespace {

// As sy_sample checks them.
constexpr double kHighestTemperature = 2;
constexpr int64_t kMostTokens = int64_t{1} << 20;

int device_index(const char* target) {
  if (std::strcmp(target, "auto") == 0) return 0;
  int index = 0;
  const char* end = target + std::strlen(target);
  const auto [rest, error] = std::from_chars(target, end, index);
  if (error != std::errc() || rest != end || index < 0) {
    throw Failure(SY_ERR_ARGUMENT, "target is \"%.32s\", expected auto or the number of a card: 0, 1, ..", target);
  }
  return index;
}

}  // namespace

CudaProcessor::CudaProcessor(const char* target) : queue_(device_index(target)) {
  const DeviceProperties& card = queue_.properties();
  target_ = "sm_" + std::to_string(card.capability);
  char text[512];
  std::snprintf(text, sizeof text, "cuda, card %d: %s, %s, %d multiprocessors, %.1f GiB", card.index, card.name,
                target_.c_str(), card.multiprocessors, static_cast<double>(card.memory_bytes) / (1 << 30));
  description_ = text;
  timer_begin_ = runtime::create_event();
  timer_end_ = runtime::create_event();
}

CudaProcessor::~CudaProcessor() {
  try {
    runtime::use_device(queue_.properties().index);
  } catch (const Failure&) {
    // The device is lost, and with it everything that would have to be given back.
  }
  queue_.abandon_capture();
  for (auto& body : deferred_) body();
  runtime::destroy(timer_begin_);
  runtime::destroy(timer_end_);
}

template <class Body>
void CudaProcessor::operation(Body body) {
  queue_.begin_operation();
  try {
    body();
    queue_.finish_operation();
  } catch (...) {
    if (queue_.capturing() && capture_failure_.empty()) {
      ErrorText error;
      describe_current_exception(error.text);
      capture_failure_ = error.text;
    }
    throw;
  }
}

void CudaProcessor::expect_no_capture(const char* what) {
  runtime::use_device(queue_.properties().index);
  if (queue_.capturing()) throw Failure(SY_ERR_ARGUMENT, "a graph is being recorded, and %s cannot be", what);
}

void CudaProcessor::when_not_capturing(std::function<void()> body) noexcept {
  try {
    if (queue_.capturing()) {
      deferred_.push_back(std::move(body));
      return;
    }
    runtime::use_device(queue_.properties().index);
  } catch (...) {
    // The device is lost or there is no memory left for the list: giving back is all that remains to be tried.
  }
  body();
}

// ---- device
// -----------------------------------------------------------------------------------------------------------

void CudaProcessor::memory(int64_t* free_bytes, int64_t* total_bytes) {
  expect_no_capture("a look at its memory");
  runtime::memory(free_bytes, total_bytes);
}

void CudaProcessor::synchronize() {
  expect_no_capture("waiting");
  queue_.synchronize();
}

void CudaProcessor::after_stream(void* stream) {
  expect_no_capture("waiting for another stream");
  runtime::order_after_foreign(queue_.stream(), stream);
}

void CudaProcessor::before_stream(void* stream) {
  expect_no_capture("letting another stream wait");
  runtime::order_before_foreign(queue_.stream(), stream);
}

void CudaProcessor::timer_start() {
  expect_no_capture("the timer");
  runtime::record(timer_begin_, queue_.stream());
  timing_ = true;
}

void CudaProcessor::timer_stop(double* seconds) {
  expect_no_capture("the timer");
  if (!timing_) throw Failure(SY_ERR_ARGUMENT, "the timer has not been started");
  timing_ = false;
  runtime::record(timer_end_, queue_.stream());
  runtime::wait(timer_end_);
  *seconds = runtime::seconds_between(timer_begin_, timer_end_);
}

// ---- memory
// -----------------------------------------------------------------------------------------------------------

void CudaProcessor::allocate(int64_t bytes, void** data, void** allocation) {
  expect_no_capture("an allocation");
  auto memory = std::make_unique<DeviceMemory>(bytes);
  queue_.zero(memory->data(), bytes);
  *data = memory->data();
  *allocation = memory.release();
}

void CudaProcessor::release(void* allocation) {
  when_not_capturing([allocation] { delete static_cast<DeviceMemory*>(allocation); });
}

void CudaProcessor::expect_own_memory(const void* data, int64_t bytes) {
  expect_no_capture("borrowing memory");
  runtime::expect_device_memory(data, bytes, queue_.properties().index);
}

void CudaProcessor::upload(void* to, const void* from, int64_t bytes) {
  expect_no_capture("an upload");
  queue_.upload(to, from, bytes);
}

void CudaProcessor::download(const void* from, void* to, int64_t bytes) {
  expect_no_capture("a download");
  queue_.download(to, from, bytes);
}

void CudaProcessor::create_weight(int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight) {
  expect_no_capture("making a weight");
  operation([&] { *weight = cuda::create_weight(queue_, rows, cols, storage); });
}

void CudaProcessor::destroy_weight(sy_weight* weight) {
  when_not_capturing([weight] { cuda::destroy_weight(weight); });
}

void CudaProcessor::set_rows(sy_weight& weight, int64_t first_row, const sy_tensor& from) {
  expect_no_capture("setting the rows of a weight");
  operation([&] { cuda::set_rows(queue_, weight, first_row, from); });
}

void CudaProcessor::set_quantized_rows(sy_weight& weight, int64_t first_row, const sy_quantized& from) {
  expect_no_capture("setting the rows of a weight");
  operation([&] { cuda::set_quantized_rows(queue_, weight, first_row, from); });
}

// ---- operations
// -------------------------------------------------------------------------------------------------------

void CudaProcessor::copy(const sy_tensor& from, const sy_tensor& to) {
  operation([&] { cuda::copy(queue_, from, to); });
}
void CudaProcessor::zero(const sy_tensor& tensor) {
  operation([&] { cuda::zero(queue_, tensor); });
}
void CudaProcessor::linear(const sy_linear_args& args) {
  operation([&] { cuda::linear(queue_, args); });
}
void CudaProcessor::embedding(const sy_embedding_args& args) {
  if (queue_.capturing()) checks_.indices("ids", args.ids, args.y->rows, args.table->rows);
  operation([&] { cuda::embedding(queue_, args); });
}
void CudaProcessor::gather_rows(const sy_gather_rows_args& args) {
  if (queue_.capturing()) checks_.indices("rows", args.rows, args.y->rows, args.x->rows);
  operation([&] { cuda::gather_rows(queue_, args); });
}
void CudaProcessor::layer_norm(const sy_layer_norm_args& args) {
  operation([&] { cuda::layer_norm(queue_, args); });
}
void CudaProcessor::rms_norm(const sy_rms_norm_args& args) {
  operation([&] { cuda::rms_norm(queue_, args); });
}
void CudaProcessor::swiglu(const sy_swiglu_args& args) {
  operation([&] { cuda::swiglu(queue_, args); });
}
void CudaProcessor::gmu(const sy_gmu_args& args) {
  operation([&] { cuda::gmu(queue_, args); });
}
void CudaProcessor::causal_conv1d(const sy_causal_conv1d_args& args) {
  if (queue_.capturing()) checks_.batch(*args.batch, args.tail->rows / (args.weight->rows - 1));
  operation([&] { cuda::causal_conv1d(queue_, args); });
}
void CudaProcessor::selective_scan(const sy_selective_scan_args& args) {
  if (queue_.capturing()) checks_.batch(*args.batch, args.state->rows / args.a->rows);
  operation([&] { cuda::selective_scan(queue_, args); });
}
void CudaProcessor::kv_append(const sy_kv_append_args& args) {
  if (queue_.capturing()) {
    checks_.batch(*args.batch, 0);
    checks_.append_positions(*args.batch, *args.kv);
  }
  operation([&] { cuda::kv_append(queue_, args); });
}
void CudaProcessor::kv_read(const sy_kv_read_args& args) {
  if (queue_.capturing()) {
    checks_.table(*args.kv, args.sequence, args.first, args.first + args.k->rows);
  }
  operation([&] { cuda::kv_read(queue_, args); });
}
void CudaProcessor::attention(const sy_attention_args& args) {
  if (queue_.capturing()) {
    checks_.batch(*args.batch, 0);
    checks_.attention_keys(*args.batch, args.kv, args.k != nullptr, args.window);
  }
  operation([&] { cuda::attention(queue_, args); });
}
void CudaProcessor::diff_attention(const sy_diff_attention_args& args) {
  if (queue_.capturing()) {
    checks_.batch(*args.batch, 0);
    checks_.attention_keys(*args.batch, args.kv, args.k != nullptr, args.window);
  }
  operation([&] { cuda::diff_attention(queue_, args); });
}
void CudaProcessor::rope(const sy_rope_args& args) {
  if (queue_.capturing()) {
    checks_.batch(*args.batch, 0);
    checks_.rope_positions(*args.batch, args.cos->rows);
  }
  operation([&] { cuda::rope(queue_, args); });
}
void CudaProcessor::sample(const sy_sample_args& args) {
  if (queue_.capturing()) {
    const int64_t n = args.logits->rows;
    checks_.numbers("temperature", args.temperature, n, 0, kHighestTemperature);
    checks_.numbers("top_p", args.top_p, n, 0, 1);
    checks_.numbers("min_p", args.min_p, n, 0, 1);
    checks_.indices("top_k", args.top_k, n, kMostTokens + 1);
  }
  operation([&] { cuda::sample(queue_, args); });
}

// ---- graphs
// -----------------------------------------------------------------------------------------------------------

void CudaProcessor::graph_begin() {
  expect_no_capture("another graph");
  capture_failure_.clear();
  checks_ = {};
  queue_.begin_capture();
}

void CudaProcessor::graph_end(void** graph) {
  runtime::use_device(queue_.properties().index);
  if (!queue_.capturing()) throw Failure(SY_ERR_ARGUMENT, "no graph is being recorded; sy_graph_begin starts that");
  auto recorded = std::make_unique<Recording>();
  std::exception_ptr problem;
  try {
    if (capture_failure_.empty()) {
      recorded->graph = queue_.end_capture();
    } else {
      queue_.abandon_capture();
    }
  } catch (...) {
    problem = std::current_exception();
  }
  for (auto& body : std::exchange(deferred_, {})) body();
  if (problem != nullptr) std::rethrow_exception(problem);
  if (recorded->graph == nullptr) {
    throw Failure(SY_ERR_ARGUMENT, "there is no graph, because an operation in it failed: %s",
                  capture_failure_.c_str());
  }
  recorded->checks = std::exchange(checks_, {});
  *graph = recorded.release();
}

void CudaProcessor::graph_launch(void* graph) {
  expect_no_capture("a launch of another graph");
  const Recording& recording = *static_cast<Recording*>(graph);
  recording.checks.run();
  queue_.launch(*recording.graph);
}

void CudaProcessor::graph_destroy(void* graph) {
  when_not_capturing([this, graph] {
    try {
      queue_.synchronize();  // it may be under way
    } catch (const Failure&) {
      // The device is lost; the next call that uses it says so.
    }
    delete static_cast<Recording*>(graph);
  });
}

void CudaProcessor::measure_limits(double seconds, sy_limits* limits) {
  expect_no_capture("measuring");
  operation([&] { cuda::measure_limits(queue_, seconds, limits); });
}

const ProcessorTable& cuda_processor_table() {
  static constexpr ProcessorTable table = processor_table<CudaProcessor>();
  return table;
}

}  // namespace sambay::cuda

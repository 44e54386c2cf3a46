#ifndef SAMBAY_CUDA_PROCESSOR_H_
#define SAMBAY_CUDA_PROCESSOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/processor.h"
#include "cuda/launch_checks.h"
#include "cuda/ops.h"
#include "cuda/queue.h"
#include "sambay/sambay.h"

namespace sambay::cuda {

// A card as a processor. Its work may still be under way when a call returns.
class CudaProcessor {
 public:
  // target: "auto" or the number of a card. Throws Failure.
  explicit CudaProcessor(const char* target);
  ~CudaProcessor();
  CudaProcessor(const CudaProcessor&) = delete;
  CudaProcessor& operator=(const CudaProcessor&) = delete;

  const char* description() const { return description_.c_str(); }
  const char* target() const { return target_.c_str(); }
  int32_t threads() const { return queue_.properties().multiprocessors; }
  void* stream() { return runtime::native(queue_.stream()); }
  void after_stream(void* stream);
  void before_stream(void* stream);
  void memory(int64_t* free_bytes, int64_t* total_bytes);
  void synchronize();
  void timer_start();
  void timer_stop(double* seconds);

  void allocate(int64_t bytes, void** data, void** allocation);
  void release(void* allocation);
  void expect_own_memory(const void* data, int64_t bytes);
  void upload(void* to, const void* from, int64_t bytes);
  void download(const void* from, void* to, int64_t bytes);
  void copy(const sy_tensor& from, const sy_tensor& to);
  void zero(const sy_tensor& tensor);

  void create_weight(int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight);
  void destroy_weight(sy_weight* weight);
  void set_rows(sy_weight& weight, int64_t first_row, const sy_tensor& from);
  void set_quantized_rows(sy_weight& weight, int64_t first_row, const sy_quantized& from);

  void linear(const sy_linear_args& args);
  void embedding(const sy_embedding_args& args);
  void gather_rows(const sy_gather_rows_args& args);
  void layer_norm(const sy_layer_norm_args& args);
  void rms_norm(const sy_rms_norm_args& args);
  void swiglu(const sy_swiglu_args& args);
  void gmu(const sy_gmu_args& args);
  void causal_conv1d(const sy_causal_conv1d_args& args);
  void selective_scan(const sy_selective_scan_args& args);
  void kv_append(const sy_kv_append_args& args);
  void kv_read(const sy_kv_read_args& args);
  void attention(const sy_attention_args& args);
  void diff_attention(const sy_diff_attention_args& args);
  void rope(const sy_rope_args& args);
  void sample(const sy_sample_args& args);

  void graph_begin();
  void graph_end(void** graph);
  void graph_launch(void* graph);
  void graph_destroy(void* graph);

  void measure_limits(double seconds, sy_limits* limits);

 private:
  // What sy_graph stands for here.
  struct Recording {
    std::unique_ptr<Graph> graph;
    LaunchChecks checks;
  };

  // Runs body() as one operation of the queue; remembers a failure during a capture.
  template <class Body>
  void operation(Body body);
  // For what may not happen while a capture is under way: does it afterwards.
  void when_not_capturing(std::function<void()> body) noexcept;
  void expect_no_capture(const char* what);

  Queue queue_;
  std::string description_, target_;
  runtime::Event timer_begin_ = nullptr, timer_end_ = nullptr;
  bool timing_ = false;
  LaunchChecks checks_;                          // of the capture under way
  std::string capture_failure_;                  // the first one's sentence, "" if there was none
  std::vector<std::function<void()>> deferred_;  // until the capture ends
};

const ProcessorTable& cuda_processor_table();

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_PROCESSOR_H_

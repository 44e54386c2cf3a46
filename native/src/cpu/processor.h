#ifndef SAMBAY_CPU_PROCESSOR_H_
#define SAMBAY_CPU_PROCESSOR_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "api/processor.h"
#include "cpu/ops.h"
#include "cpu/pages.h"
#include "cpu/pool.h"
#include "cpu/sample.h"
#include "cpu/weight_memory.h"
#include "sambay/sambay.h"

namespace sambay {

// The cores of this machine as a processor: kernels of one instruction set on one pool of threads. Its work is done
// when a call returns.
class CpuProcessor {
 public:
  // target and threads as in sy_device_create. Throws Failure.
  CpuProcessor(const char* target, int threads);
  CpuProcessor(const Ops& ops, int threads);

  const char* description() const { return description_.c_str(); }
  const char* target() const { return ops_.target; }
  int32_t threads() const { return pool_.threads(); }
  void* stream() { return nullptr; }
  void after_stream(void* stream);
  void before_stream(void* stream) { after_stream(stream); }
  void memory(int64_t* free_bytes, int64_t* total_bytes);
  void synchronize() {}
  void timer_start() { timer_ = std::chrono::steady_clock::now(); }
  void timer_stop(double* seconds);

  void allocate(int64_t bytes, void** data, void** allocation);
  void release(void* allocation) { delete static_cast<Pages*>(allocation); }
  void expect_own_memory(const void* data, int64_t bytes);
  void upload(void* to, const void* from, int64_t bytes);
  void download(const void* from, void* to, int64_t bytes);
  void copy(const sy_tensor& from, const sy_tensor& to) { ops_.copy(pool_, from, to); }
  void zero(const sy_tensor& tensor) { ops_.zero(pool_, tensor); }

  void create_weight(int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight);
  void destroy_weight(sy_weight* weight);
  void set_rows(sy_weight& weight, int64_t first_row, const sy_tensor& from);
  void set_quantized_rows(sy_weight& weight, int64_t first_row, const sy_quantized& from);

  void linear(const sy_linear_args& args);
  void embedding(const sy_embedding_args& args) { ops_.embedding(pool_, args); }
  void gather_rows(const sy_gather_rows_args& args) { ops_.gather_rows(pool_, args); }
  void layer_norm(const sy_layer_norm_args& args) { ops_.layer_norm(pool_, args); }
  void rms_norm(const sy_rms_norm_args& args) { ops_.rms_norm(pool_, args); }
  void swiglu(const sy_swiglu_args& args) { ops_.swiglu(pool_, args); }
  void gmu(const sy_gmu_args& args) { ops_.gmu(pool_, args); }
  void causal_conv1d(const sy_causal_conv1d_args& args) { ops_.causal_conv1d(pool_, args); }
  void selective_scan(const sy_selective_scan_args& args) { ops_.selective_scan(pool_, args); }
  void kv_append(const sy_kv_append_args& args) { ops_.kv_append(pool_, args); }
  void kv_read(const sy_kv_read_args& args) { ops_.kv_read(pool_, args); }
  void attention(const sy_attention_args& args) { ops_.attention(pool_, args); }
  void diff_attention(const sy_diff_attention_args& args) { ops_.diff_attention(pool_, args); }
  void rope(const sy_rope_args& args) { ops_.rope(pool_, args); }
  void sample(const sy_sample_args& args) { sampler_.sample(pool_, ops_, args); }

  void graph_begin();
  void graph_end(void** graph);
  void graph_launch(void* graph);
  void graph_destroy(void*) {}

  void measure_limits(double seconds, sy_limits* limits);

 private:
  // Memory between two steps of a fused operation; it grows to the largest.
  class Scratch {
   public:
    // A contiguous matrix in it.
    sy_tensor matrix(int64_t rows, int64_t cols, sy_dtype dtype);

   private:
    std::unique_ptr<Pages> pages_;
  };

  const Ops& ops_;
  Pool pool_;
  std::string description_;
  std::chrono::steady_clock::time_point timer_;
  WeightMemory weight_memory_;
  Scratch normed_, product_;
  TokenSampler sampler_;
};

const ProcessorTable& cpu_processor_table();

}  // namespace sambay

#endif  // SAMBAY_CPU_PROCESSOR_H_

// The operations of the CUDA backend. Arguments were checked by src/api; an operation puts its kernels on the queue and
// returns. What it may ask of the queue is said in queue.h.
#ifndef SAMBAY_CUDA_OPS_H_
#define SAMBAY_CUDA_OPS_H_

#include <cstdint>

#include "cuda/queue.h"
#include "sambay/sambay.h"

namespace sambay::cuda {

void copy(Queue& queue, const sy_tensor& from, const sy_tensor& to);
void zero(Queue& queue, const sy_tensor& tensor);

// All zero.
sy_weight* create_weight(Queue& queue, int64_t rows, int64_t cols, sy_dtype storage);
void destroy_weight(sy_weight* weight) noexcept;
void set_rows(Queue& queue, sy_weight& weight, int64_t first_row, const sy_tensor& from);
void set_quantized_rows(Queue& queue, sy_weight& weight, int64_t first_row, const sy_quantized& from);

void linear(Queue& queue, const sy_linear_args& args);
void embedding(Queue& queue, const sy_embedding_args& args);
void gather_rows(Queue& queue, const sy_gather_rows_args& args);
void layer_norm(Queue& queue, const sy_layer_norm_args& args);
void rms_norm(Queue& queue, const sy_rms_norm_args& args);
void swiglu(Queue& queue, const sy_swiglu_args& args);
void gmu(Queue& queue, const sy_gmu_args& args);
void causal_conv1d(Queue& queue, const sy_causal_conv1d_args& args);
void selective_scan(Queue& queue, const sy_selective_scan_args& args);
void kv_append(Queue& queue, const sy_kv_append_args& args);
void kv_read(Queue& queue, const sy_kv_read_args& args);
void attention(Queue& queue, const sy_attention_args& args);
void diff_attention(Queue& queue, const sy_diff_attention_args& args);
void rope(Queue& queue, const sy_rope_args& args);
void sample(Queue& queue, const sy_sample_args& args);

// As sy_measure_limits.
void measure_limits(Queue& queue, double seconds, sy_limits* limits);

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_OPS_H_

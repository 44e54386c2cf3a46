// Operations that have no kernel yet; the definition beside a kernel takes the place of the weak one here. This file
// goes when none is left.
#include "api/error.h"
#include "cuda/ops.h"

namespace sambay::cuda {
namespace {
[[noreturn]] void missing(const char* operation) {
  throw Failure(SY_ERR_UNSUPPORTED, "the CUDA backend has no kernel for %s yet", operation);
}
}  // namespace

[[gnu::weak]] void copy(Queue&, const sy_tensor&, const sy_tensor&) { missing("copy"); }
[[gnu::weak]] void zero(Queue&, const sy_tensor&) { missing("zero"); }
[[gnu::weak]] sy_weight* create_weight(Queue&, int64_t, int64_t, sy_dtype) { missing("create_weight"); }
[[gnu::weak]] void destroy_weight(sy_weight*) noexcept {}
[[gnu::weak]] void set_rows(Queue&, sy_weight&, int64_t, const sy_tensor&) { missing("set_rows"); }
[[gnu::weak]] void set_quantized_rows(Queue&, sy_weight&, int64_t, const sy_quantized&) {
  missing("set_quantized_rows");
}
[[gnu::weak]] void linear(Queue&, const sy_linear_args&) { missing("linear"); }
[[gnu::weak]] void embedding(Queue&, const sy_embedding_args&) { missing("embedding"); }
[[gnu::weak]] void gather_rows(Queue&, const sy_gather_rows_args&) { missing("gather_rows"); }
[[gnu::weak]] void layer_norm(Queue&, const sy_layer_norm_args&) { missing("layer_norm"); }
[[gnu::weak]] void rms_norm(Queue&, const sy_rms_norm_args&) { missing("rms_norm"); }
[[gnu::weak]] void swiglu(Queue&, const sy_swiglu_args&) { missing("swiglu"); }
[[gnu::weak]] void gmu(Queue&, const sy_gmu_args&) { missing("gmu"); }
[[gnu::weak]] void causal_conv1d(Queue&, const sy_causal_conv1d_args&) { missing("causal_conv1d"); }
[[gnu::weak]] void selective_scan(Queue&, const sy_selective_scan_args&) { missing("selective_scan"); }
[[gnu::weak]] void kv_append(Queue&, const sy_kv_append_args&) { missing("kv_append"); }
[[gnu::weak]] void kv_read(Queue&, const sy_kv_read_args&) { missing("kv_read"); }
[[gnu::weak]] void attention(Queue&, const sy_attention_args&) { missing("attention"); }
[[gnu::weak]] void diff_attention(Queue&, const sy_diff_attention_args&) { missing("diff_attention"); }
[[gnu::weak]] void rope(Queue&, const sy_rope_args&) { missing("rope"); }
[[gnu::weak]] void sample(Queue&, const sy_sample_args&) { missing("sample"); }

}  // namespace sambay::cuda

#ifndef SAMBAY_CPU_OPS_H_
#define SAMBAY_CPU_OPS_H_

#include "cpu/pool.h"
#include "cpu/weight.h"
#include "sambay/sambay.h"

namespace sambay {

// What sy_measure_limits times.
enum class Probe { kReadMemory, kF32Products, kBf16Products, kInt8Products, kExponentials };

// Of some weights of docs/sampling.md.
struct WeightSum {
  uint64_t total, largest;
};

// Every operation of one target. The arguments have been checked by src/api: kernels assume that they are well formed.
// The only exception a kernel lets out is std::bad_alloc, from the pool's scratch memory.
struct Ops {
  const char* target;

  void (*copy)(Pool&, const sy_tensor& from, const sy_tensor& to);
  void (*zero)(Pool&, const sy_tensor& tensor);
  void (*set_rows)(Pool&, CpuWeight& weight, int64_t first_row, const sy_tensor& from);

  void (*linear)(Pool&, const sy_linear_args&);            // the product alone, of a weight in f32, f16 or bf16
  void (*linear_quantized)(Pool&, const sy_linear_args&);  // the same, in int8 or int4
  void (*embedding)(Pool&, const sy_embedding_args&);
  void (*gather_rows)(Pool&, const sy_gather_rows_args&);

  void (*layer_norm)(Pool&, const sy_layer_norm_args&);
  void (*rms_norm)(Pool&, const sy_rms_norm_args&);
  void (*swiglu)(Pool&, const sy_swiglu_args&);
  void (*gmu)(Pool&, const sy_gmu_args&);

  void (*causal_conv1d)(Pool&, const sy_causal_conv1d_args&);
  void (*selective_scan)(Pool&, const sy_selective_scan_args&);

  void (*kv_append)(Pool&, const sy_kv_append_args&);
  void (*kv_read)(Pool&, const sy_kv_read_args&);
  void (*attention)(Pool&, const sy_attention_args&);
  void (*diff_attention)(Pool&, const sy_diff_attention_args&);
  void (*rope)(Pool&, const sy_rope_args&);

  // What sampling does to every logit; see kernels/sample.inl.h.
  int64_t (*largest_logit)(const float* logits, int64_t n);
  WeightSum (*weigh_logits)(const float* logits, int64_t n, float largest, double temperature, uint64_t* weights);
  double (*sum_exp_logits)(const float* logits, int64_t n, float largest);

  // One round of a probe on every thread. Returns how many bytes, operations or exponentials it was, 0 if the target
  // has no such thing. `memory` is what kReadMemory reads.
  double (*probe)(Pool&, Probe, const char* memory, int64_t bytes);
};

// One table per object file in src/cpu/target. Which of them may be called here is the business of isa.h.
const Ops& scalar_ops();
const Ops& avx2_ops();
const Ops& avx512_ops();
const Ops& avx512vnni_ops();
const Ops& avx512bf16_ops();
const Ops& amx_ops();

}  // namespace sambay

#endif  // SAMBAY_CPU_OPS_H_

/* sambay.h: the whole interface between Java and the compute kernels. C11, and nothing else crosses: no C++ type, no
 * exception, no ownership of a caller's memory.
 *
 * Conventions, true of every function:
 *  - Shapes are written [rows, columns]. Every tensor is a matrix, row-major, its last dimension contiguous; a vector
 *    is a matrix of one row. Tokens of all sequences lie end to end along the rows.
 *  - A call returns SY_OK or a status. Then sy_last_error() holds one sentence for the calling thread that names the
 *    operation, the argument, what was found and what was expected. Nothing has been written in that case.
 *  - Arguments are borrowed for the length of the call. A handle made by sy_x_create belongs to the caller until
 *    sy_x_destroy. Passing NULL to a destroy function does nothing.
 *  - Calls on one device are taken one at a time, in order; calls from several threads wait for one another. A device
 *    may still be at work when a call returns; sy_download and sy_synchronize wait for it, and report what failed then.
 *  - Sums are accumulated in f32 whatever the storage type.
 *  - Data pointers are device memory of the device that is passed with them (on the CPU: ordinary memory).
 */
#ifndef SAMBAY_SAMBAY_H_
#define SAMBAY_SAMBAY_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SY_API __declspec(dllexport)
#else
#define SY_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SY_ABI_VERSION 3

typedef int32_t sy_status;
#define SY_OK 0
#define SY_ERR_ARGUMENT 1      /* a null, a number outside its range */
#define SY_ERR_SHAPE 2         /* shapes that do not fit together */
#define SY_ERR_DTYPE 3         /* a storage type this argument does not take */
#define SY_ERR_UNSUPPORTED 4   /* not on this machine: instruction set, device, driver */
#define SY_ERR_OUT_OF_MEMORY 5 /* the device's memory does not suffice */
#define SY_ERR_INTERNAL 6      /* a defect of this library */

typedef int32_t sy_dtype;
#define SY_F32 0
#define SY_F16 1
#define SY_BF16 2
/* Weights only. A row is cut into groups of SY_GROUP columns; element = scale of its group * code. */
#define SY_INT8 3 /* codes -127 .. 127 */
#define SY_INT4 4 /* codes -8 .. 7 */
#define SY_GROUP 32

/* A borrowed view of a matrix in device memory. */
typedef struct sy_tensor {
  void* data;
  sy_dtype dtype;
  int64_t rows;
  int64_t cols;
  int64_t stride; /* elements from one row to the next, >= cols */
} sy_tensor;

/* Which rows of a token-major tensor belong to which sequence. Sequence s owns rows seq_start[s] to seq_start[s+1]-1
 * (at least one), its first row is the token at `position[s]` (>= 0) of the sequence, and its recurrent state lives in
 * state slot `slot[s]`. One row per sequence is a decode step. Slots in one batch are distinct. The three arrays are
 * host memory. */
typedef struct sy_batch {
  int32_t sequences;
  const int32_t* seq_start; /* [sequences + 1], first 0 */
  const int32_t* slot;      /* [sequences] */
  const int32_t* position;  /* [sequences] */
} sy_batch;

/* Keys and values kept from earlier tokens, in blocks of `block_tokens` rows. The row of position j of sequence s is
 *     table[s * table_cols + (j / block_tokens) % table_cols] * block_tokens + j % block_tokens
 * so that one formula serves both kinds of cache: a growing one lists its blocks in the table; a ring of W rows per
 * state slot is block_tokens = W, table_cols = 1, table[s] = slot[s]. Within a block a device orders the elements as it
 * likes: rows go in by sy_kv_append and come out by sy_kv_read, and whole blocks may be copied. */
typedef struct sy_kv {
  sy_tensor keys;       /* [blocks * block_tokens, kv_heads * head_dim] f32 | f16 | bf16 */
  sy_tensor values;     /* the same */
  int32_t block_tokens; /* >= 1 */
  int32_t table_cols;   /* >= 1 */
  const int32_t* table; /* [sequences, table_cols], host memory */
} sy_kv;

typedef struct sy_device sy_device; /* one processor and its ordered queue of work */
typedef struct sy_buffer sy_buffer; /* device memory */
typedef struct sy_weight sy_weight; /* a weight matrix in the layout the device likes best */
typedef struct sy_graph sy_graph;   /* a sequence of operations, recorded once to be run many times */

/* ---- library ---------------------------------------------------------------------------------------------------- */

/* SY_ABI_VERSION of the library, to be compared with the header's. */
SY_API int32_t sy_abi_version(void);
/* Why the last call of this thread failed; "" if it did not. Valid until the thread's next call. */
SY_API const char* sy_last_error(void);

/* ---- device ----------------------------------------------------------------------------------------------------- */

/* kind "cpu": target is NULL or "auto" for the best this CPU *and* this operating system support, else one of "scalar",
 * "avx2", "avx512", "amx" (SY_ERR_UNSUPPORTED if it cannot run here). threads: 0 for one per core.
 * kind "cuda": after sy_cuda_load; target is NULL or "auto" for the first card, else its number: "0", "1", ..; threads
 * is not used. */
SY_API sy_status sy_device_create(const char* kind, const char* target, int32_t threads, sy_device** device);
SY_API void sy_device_destroy(sy_device* device);
/* One line for people: kind, target, threads. Valid while the device lives. */
SY_API const char* sy_device_description(const sy_device* device);
/* "scalar", "avx2", "avx512" or "amx"; of a card, its architecture: "sm_90". */
SY_API const char* sy_device_target(const sy_device* device);
SY_API int32_t sy_device_threads(const sy_device* device);
/* 1 if sy_device_create("cpu", target, ...) would succeed here, else 0. */
SY_API int32_t sy_cpu_target_supported(const char* target);
/* Opens the CUDA library (libsambay_cuda) at `path`, once a process: the same path again does nothing.
 * SY_ERR_UNSUPPORTED if the file cannot be opened or is another library; what stands between it and a card (no driver,
 * no card, a build without code for the card), sy_device_create says. */
SY_API sy_status sy_cuda_load(const char* path);
/* Memory of the device that the system calls free, and all of it, in bytes. */
SY_API sy_status sy_device_memory(sy_device* device, int64_t* free_bytes, int64_t* total_bytes);
/* Waits until the device has nothing left to do. */
SY_API sy_status sy_synchronize(sy_device* device);
/* Seconds the device worked between the two calls, by its own clock where it has one. Not to be nested. */
SY_API sy_status sy_timer_start(sy_device* device);
SY_API sy_status sy_timer_stop(sy_device* device, double* seconds);

/* ---- a card shared with other CUDA programs of the process ------------------------------------------------------ */

/* The stream that the device's work is queued on, as a cudaStream_t; NULL on the CPU. Valid while the device lives.
 * Another program may put work of its own on it, but not while a graph is being recorded. It does not wait for the
 * legacy default stream, nor that for it. */
SY_API void* sy_device_stream(sy_device* device);
/* Order between the device's stream and another one of the same card, a cudaStream_t, NULL being the legacy default
 * stream; nobody waits on the host. SY_ERR_UNSUPPORTED on the CPU.
 * What is called on the device from now on runs after everything that `stream` has been given so far: .. */
SY_API sy_status sy_device_after_stream(sy_device* device, void* stream);
/* .. and what `stream` is given from now on runs after everything called on the device so far. */
SY_API sy_status sy_stream_after_device(sy_device* device, void* stream);
/* A buffer over `bytes` at `data`, memory of this card that somebody else owns: as sy_buffer_create makes them, but
 * neither zeroed nor freed, and aligned as `data` is, which must be as elements of the tensors in it ask for. It must
 * be there until the device has done its work on it, after sy_buffer_destroy too. The address of a buffer of one's own
 * is sy_buffer_data(), good for others until sy_buffer_destroy. SY_ERR_ARGUMENT for memory that is not the card's,
 * SY_ERR_UNSUPPORTED on the CPU. */
SY_API sy_status sy_buffer_borrow(sy_device* device, void* data, int64_t bytes, sy_buffer** buffer);

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* `bytes` of zeroed device memory, 64-byte aligned. Pages are taken from the system when first written. */
SY_API sy_status sy_buffer_create(sy_device* device, int64_t bytes, sy_buffer** buffer);
SY_API void sy_buffer_destroy(sy_buffer* buffer);
SY_API void* sy_buffer_data(const sy_buffer* buffer);
/* Between host memory and device memory. The range [offset, offset + bytes) must lie within the buffer. */
SY_API sy_status sy_upload(sy_device* device, sy_buffer* to, int64_t offset, const void* from, int64_t bytes);
SY_API sy_status sy_download(sy_device* device, const sy_buffer* from, int64_t offset, void* to, int64_t bytes);
/* to = from, converting the storage type (round to nearest even); the same shape; no overlap. */
SY_API sy_status sy_copy(sy_device* device, const sy_tensor* from, const sy_tensor* to);
/* Every element becomes 0. */
SY_API sy_status sy_zero(sy_device* device, const sy_tensor* tensor);

/* ---- weights ---------------------------------------------------------------------------------------------------- */

/* A matrix [rows, cols] = [outputs, inputs] kept as `storage`, zero until set. SY_INT8 and SY_INT4: cols is a multiple
 * of SY_GROUP. */
SY_API sy_status sy_weight_create(sy_device* device, int64_t rows, int64_t cols, sy_dtype storage, sy_weight** weight);
SY_API void sy_weight_destroy(sy_weight* weight);
/* Packs `from` [n, cols] (host memory, f32 | f16 | bf16, converted if need be) into rows first_row .. first_row + n
 * - 1. A quantised weight rounds every group to the scale and codes that sy_quantize gives. */
SY_API sy_status sy_weight_set_rows(sy_device* device, sy_weight* weight, int64_t first_row, const sy_tensor* from);
/* Rows as they lie in a quantised file. */
typedef struct sy_quantized {
  void* codes; /* [rows, cols] int8; or [rows, cols / 2] bytes: columns 2j, 2j + 1 as 8 + code in the low, high half */
  uint16_t* scales; /* [rows, cols / SY_GROUP] f16 */
  sy_dtype dtype;   /* SY_INT8 | SY_INT4 */
  int64_t rows;
  int64_t cols;
} sy_quantized;
/* The same for rows that are quantised already, host memory, `from.dtype` being the weight's storage. */
SY_API sy_status sy_weight_set_quantized_rows(sy_device* device, sy_weight* weight, int64_t first_row,
                                              const sy_quantized* from);
/* Quantises `from` [rows, cols] into `to`, both host memory, on the calling thread; no device is needed, and every
 * device rounds alike. */
SY_API sy_status sy_quantize(const sy_tensor* from, const sy_quantized* to);
SY_API int64_t sy_weight_bytes(const sy_weight* weight);

/* ---- matrix products and lookups -------------------------------------------------------------------------------- */

/* How the rows that enter a product are normalised first, and to which storage type they are rounded then. */
typedef struct sy_norm {
  const sy_tensor* weight; /* [1, inputs] f32 */
  const sy_tensor* bias;   /* [1, inputs] f32: LayerNorm; NULL: RMSNorm */
  float eps;
  sy_dtype dtype; /* f32 | f16 | bf16 */
} sy_norm;

/* p = norm(x) W^T + bias, and then, one of these at most:
 *   y = p                        without flags
 *   y = y + p                    SY_LINEAR_ACCUMULATE, the residual connection
 *   y = silu(p_gate) * p_up      SY_LINEAR_SWIGLU, [p_gate | p_up] = p: y has half as many columns as W has rows
 *   y = silu(p) * memory         SY_LINEAR_GMU, see sy_gmu
 * Products of quantised weights: the CPU rounds every group of SY_GROUP columns of a row of norm(x) to 8 bits and
 * multiplies integers, with f32 sums over the groups; a card multiplies with the weight's elements as they are. */
#define SY_LINEAR_ACCUMULATE 1u
#define SY_LINEAR_SWIGLU 2u
#define SY_LINEAR_GMU 4u
typedef struct sy_linear_args {
  const sy_tensor* x;  /* [tokens, inputs] f32 | f16 | bf16. bf16 x with bf16 weights may use bf16 products, f32 sums */
  const sy_norm* norm; /* or NULL: x as it is */
  const sy_weight* weight; /* [outputs, inputs] */
  const sy_tensor* bias;   /* [1, outputs] f32, or NULL */
  const sy_tensor* memory; /* [tokens, outputs] with SY_LINEAR_GMU, else NULL */
  sy_tensor* y;            /* [tokens, outputs] f32 | f16 | bf16; must overlap neither x nor memory */
  uint32_t flags;
} sy_linear_args;
SY_API sy_status sy_linear(sy_device* device, const sy_linear_args* args);

/* y[t] = row ids[t] of the table. */
typedef struct sy_embedding_args {
  const sy_weight* table; /* [vocabulary, hidden] */
  const int32_t* ids;     /* [tokens], host memory, each in 0 .. vocabulary - 1 */
  sy_tensor* y;           /* [tokens, hidden] any dtype */
} sy_embedding_args;
SY_API sy_status sy_embedding(sy_device* device, const sy_embedding_args* args);

/* y[i] = x[rows[i]], same dtype. */
typedef struct sy_gather_rows_args {
  const sy_tensor* x;  /* [tokens, features] */
  const int32_t* rows; /* [n], host memory, each in 0 .. tokens - 1 */
  sy_tensor* y;        /* [n, features]; must not overlap x */
} sy_gather_rows_args;
SY_API sy_status sy_gather_rows(sy_device* device, const sy_gather_rows_args* args);

/* ---- norms and gates -------------------------------------------------------------------------------------------- */

/* y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias, per row, biased variance. Ba, Kiros and Hinton 2016. */
typedef struct sy_layer_norm_args {
  const sy_tensor* x;      /* [tokens, features] any dtype */
  const sy_tensor* weight; /* [1, features] f32 */
  const sy_tensor* bias;   /* [1, features] f32 */
  sy_tensor* y;            /* [tokens, features] any dtype; may be x */
  float eps;
} sy_layer_norm_args;
SY_API sy_status sy_layer_norm(sy_device* device, const sy_layer_norm_args* args);

/* y = x / sqrt(mean(x^2) + eps) * weight, per row. Zhang and Sennrich 2019. */
typedef struct sy_rms_norm_args {
  const sy_tensor* x;      /* [tokens, features] any dtype */
  const sy_tensor* weight; /* [1, features] f32 */
  sy_tensor* y;            /* [tokens, features] any dtype; may be x */
  float eps;
} sy_rms_norm_args;
SY_API sy_status sy_rms_norm(sy_device* device, const sy_rms_norm_args* args);

/* y = silu(gate) * up, with [gate | up] = gate_up; silu(v) = v / (1 + exp(-v)). Shazeer 2020. */
typedef struct sy_swiglu_args {
  const sy_tensor* gate_up; /* [tokens, 2 * features]: gate first */
  sy_tensor* y;             /* [tokens, features] */
} sy_swiglu_args;
SY_API sy_status sy_swiglu(sy_device* device, const sy_swiglu_args* args);

/* Gated memory unit: y = silu(gate) * memory. With norm_weight the normalised form: y = RMSNorm(silu(gate) * memory;
 * norm_weight, eps), one norm for each of `norm_groups` equal groups of channels. Ren et al. 2025 (SambaY), eq. 2. */
typedef struct sy_gmu_args {
  const sy_tensor* gate;        /* [tokens, inner]: in_proj . u */
  const sy_tensor* memory;      /* [tokens, inner]: the same tokens' memory */
  const sy_tensor* norm_weight; /* [1, inner] f32, or NULL */
  sy_tensor* y;                 /* [tokens, inner]; may be gate */
  float eps;                    /* used with norm_weight */
  int32_t norm_groups;          /* used with norm_weight; divides inner */
} sy_gmu_args;
SY_API sy_status sy_gmu(sy_device* device, const sy_gmu_args* args);

/* ---- Mamba ------------------------------------------------------------------------------------------------------ */

/* y_t = silu(bias + sum_k weight[k] * x_{t - taps + 1 + k}), per channel; x before the sequence's start is 0. The last
 * taps - 1 inputs of each sequence are its tail: read for a sequence at position > 0, and left behind updated. At
 * position 0 the tail is taken as zero whatever the slot holds. */
typedef struct sy_causal_conv1d_args {
  const sy_batch* batch;
  const sy_tensor* x;      /* [tokens, inner] */
  const sy_tensor* weight; /* [taps, inner] f32: weight[taps - 1] meets the current token */
  const sy_tensor* bias;   /* [1, inner] f32, or NULL */
  sy_tensor* tail;         /* [slots * (taps - 1), inner], oldest first; f32, or the dtype of x */
  sy_tensor* y;            /* [tokens, inner]; must not overlap x */
} sy_causal_conv1d_args;
SY_API sy_status sy_causal_conv1d(sy_device* device, const sy_causal_conv1d_args* args);

/* With d_t = softplus(delta_t + delta_bias), per channel c and state n:
 *   S_t[n,c] = exp(d_t[c] * a[n,c]) * S_{t-1}[n,c] + d_t[c] * b_t[n] * x_t[c]
 *   y_t[c]   = sum_n S_t[n,c] * c_t[n] + d[c] * x_t[c]            -> y_ungated
 *   y_t[c]  *= silu(z_t[c])                                      -> y
 * softplus(v) = log(1 + exp(v)), exact to f32 for v << 0 (log1p quality) and v where v > 20. At position 0 the state is
 * taken as zero whatever the slot holds. Gu and Dao 2023 (Mamba), section 3.2. */
typedef struct sy_selective_scan_args {
  const sy_batch* batch;
  const sy_tensor* x;          /* [tokens, inner] */
  const sy_tensor* delta;      /* [tokens, inner] before bias and softplus */
  const sy_tensor* delta_bias; /* [1, inner] f32, or NULL */
  const sy_tensor* a;          /* [state, inner] f32: -exp(A_log), transposed */
  const sy_tensor* b;          /* [tokens, state] */
  const sy_tensor* c;          /* [tokens, state] */
  const sy_tensor* d;          /* [1, inner] f32, or NULL */
  const sy_tensor* z;          /* [tokens, inner], or NULL: no gate */
  sy_tensor* state;            /* [slots * state, inner] f32, read and left behind updated */
  sy_tensor* y;                /* [tokens, inner]; may be x, or NULL if only y_ungated is wanted */
  sy_tensor* y_ungated;        /* [tokens, inner], or NULL: y before z, the memory of the GMUs */
} sy_selective_scan_args;
SY_API sy_status sy_selective_scan(sy_device* device, const sy_selective_scan_args* args);

/* ---- attention -------------------------------------------------------------------------------------------------- */

/* Appends the rows k, v of a batch to the cache at their positions. With a ring shorter than the sequence's rows only
 * the last block_tokens * table_cols of them are kept. */
typedef struct sy_kv_append_args {
  const sy_batch* batch;
  const sy_tensor* k; /* [tokens, kv_heads * head_dim] */
  const sy_tensor* v; /* the same */
  sy_kv* kv;
} sy_kv_append_args;
SY_API sy_status sy_kv_append(sy_device* device, const sy_kv_append_args* args);

/* Copies positions first .. first + n - 1 of sequence `sequence` of the table into contiguous rows (n from k). */
typedef struct sy_kv_read_args {
  const sy_kv* kv;
  int32_t sequence;
  int32_t first;
  sy_tensor* k; /* [n, kv_heads * head_dim] any dtype */
  sy_tensor* v;
} sy_kv_read_args;
SY_API sy_status sy_kv_read(sy_device* device, const sy_kv_read_args* args);

/* Causal grouped attention of a chunk of queries against any past. The query of row r of sequence s stands at
 * t = position[s] + r and sees key j iff j <= t and (window == 0 or j > t - window). Keys before position[s] come from
 * the cache; keys from position[s] on come from k, v when these are given (the chunk's own, not yet appended), else
 * from the cache as well (already appended, or another layer's).
 *
 * sy_attention: query head h reads KV head h / (heads / kv_heads);
 *   out[h] = softmax(scale * q[h] . K^T) V. Vaswani et al. 2017; grouped: Ainslie et al. 2023. */
typedef struct sy_attention_args {
  const sy_batch* batch;
  const sy_tensor* q; /* [tokens, heads * head_dim] */
  const sy_tensor* k; /* [tokens, kv_heads * head_dim], or NULL */
  const sy_tensor* v; /* with k, or NULL with it */
  const sy_kv* kv;    /* may be NULL where k is given and every position is 0 */
  sy_tensor* y;       /* [tokens, heads * head_dim]; must not overlap q */
  int32_t heads, kv_heads, head_dim;
  int32_t window; /* 0: none */
  float scale;    /* usually 1 / sqrt(head_dim) */
} sy_attention_args;
SY_API sy_status sy_attention(sy_device* device, const sy_attention_args* args);

/* Differential attention, interleaved pairs: query pair p is heads 2p and 2p+1, and reads KV pair
 * g = p / (heads / kv_heads), that is keys 2g and 2g+1 and the joined values V = [v_2g | v_2g+1]:
 *   A1 = softmax(scale * q_2p . k_2g^T) V,  A2 = softmax(scale * q_2p+1 . k_2g+1^T) V
 *   y_p = RMSNorm(A1 - lambda * A2; subln_weight, eps) * out_scale          [2 * head_dim], pair-major
 * Each probability row is computed once and A1 - lambda A2 stays in f32. Ye et al. 2024 (Differential Transformer). */
typedef struct sy_diff_attention_args {
  const sy_batch* batch;
  const sy_tensor* q;            /* [tokens, heads * head_dim], heads even */
  const sy_tensor* k;            /* [tokens, kv_heads * head_dim], kv_heads even, or NULL */
  const sy_tensor* v;            /* with k, or NULL with it */
  const sy_kv* kv;               /* may be NULL where k is given and every position is 0 */
  const sy_tensor* subln_weight; /* [1, 2 * head_dim] f32 */
  sy_tensor* y;                  /* [tokens, heads * head_dim]; must not overlap q */
  int32_t heads, kv_heads, head_dim;
  int32_t window; /* 0: none */
  float scale;    /* usually 1 / sqrt(head_dim) */
  float lambda;
  float out_scale; /* 1 - lambda_init */
  float eps;
} sy_diff_attention_args;
SY_API sy_status sy_diff_attention(sy_device* device, const sy_diff_attention_args* args);

/* Rotary position embedding, halves layout, in place: with r = 2 * cols of cos, feature j < r/2 of each head turns with
 * feature j + r/2; features from r on stay. The tables hold one row per position and any scaling of the pair
 * (LongRoPE). Su et al. 2021. */
typedef struct sy_rope_args {
  const sy_batch* batch;
  sy_tensor* x;         /* [tokens, heads * head_dim] */
  const sy_tensor* cos; /* [positions, r / 2] f32, positions >= every position of the batch + its rows */
  const sy_tensor* sin; /* the same */
  int32_t head_dim;
} sy_rope_args;
SY_API sy_status sy_rope(sy_device* device, const sy_rope_args* args);

/* ---- choosing a token ------------------------------------------------------------------------------------------- */

/* Chooses one token for each row of logits, as docs/sampling.md defines it from the temperature on, to the bit: the
 * same logits and random numbers give the same tokens on every device. A row with NaN or positive infinity in it, or
 * with no finite logit, gets token -1 and log-probability NaN. */
typedef struct sy_sample_args {
  const sy_tensor* logits;   /* [n, vocabulary] f32, at most 2^20 columns */
  const double* temperature; /* [n] host memory; 0: the largest logit, of equal ones the lowest id */
  const int32_t* top_k;      /* [n] host memory; 0: all */
  const double* top_p;       /* [n] host memory; 1: all */
  const double* min_p;       /* [n] host memory; 0: all */
  const uint64_t* random;    /* [n] host memory: u of the draw */
  int32_t* token;            /* [n] host memory; filled when the call, or the launch of its graph, returns */
  double* log_probability;   /* [n] host memory: log_softmax(logits)[token]; or NULL */
} sy_sample_args;
SY_API sy_status sy_sample(sy_device* device, const sy_sample_args* args);

/* ---- graphs ----------------------------------------------------------------------------------------------------- */

/* Between begin and end, operations are recorded, not run. Host arrays in their arguments (those of sy_batch, tables,
 * ids, the parameters of sy_sample) are read, checked and written anew at every launch, so they must stay where they
 * are as long as the graph lives; seq_start must not change, and everything else an argument says is fixed. An
 * operation that would have to allocate or wait is refused: run the same sequence once before recording it. Where the
 * device keeps no graphs, begin is SY_ERR_UNSUPPORTED. */
SY_API sy_status sy_graph_begin(sy_device* device);
/* Ends the recording, also after an operation failed in it; then there is no graph and the status says so. */
SY_API sy_status sy_graph_end(sy_device* device, sy_graph** graph);
/* Runs all of it and waits for what it writes to host memory. */
SY_API sy_status sy_graph_launch(sy_device* device, sy_graph* graph);
SY_API void sy_graph_destroy(sy_graph* graph);

/* ---- limits ----------------------------------------------------------------------------------------------------- */

/* What a device reaches at best, all its threads at work: the floor under the time of an operation is what it must move
 * or compute, divided by these. Each is the best of many short rounds, so that other work on the machine lowers it
 * little. */
typedef struct sy_limits {
  double read_bytes; /* bytes read per second, in order, from memory well beyond the caches */
  double f32_flops;  /* f32 multiplications and additions per second, fused where the target can */
  double bf16_flops; /* the same for products of bf16 with f32 sums; 0 where the target computes none */
  double int8_ops;   /* the same for products of 8-bit integers with 32-bit sums; 0 where the target computes none */
  double exps;       /* exponentials per second, f32, to the accuracy of the kernels */
  double copy_bytes; /* bytes read and written per second by a copy of such memory; 0 on the CPU, which does not ask */
} sy_limits;
/* Measures for about `seconds` (more than 0, at most 600) and at least one round of each; takes 1 GiB for that time. */
SY_API sy_status sy_measure_limits(sy_device* device, double seconds, sy_limits* limits);

#ifdef __cplusplus
}
#endif
#endif /* SAMBAY_SAMBAY_H_ */

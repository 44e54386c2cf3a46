/* The C interface from outside: version, misuse of every function, memory, threads. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sambay/sambay.h"

static int failures = 0;

/* `call` gives `status`, and a sentence that contains `words`. */
#define EXPECT(call, expected, words)                                                                          \
  do {                                                                                                         \
    sy_status got = (call);                                                                                    \
    if (got != (expected) || strstr(sy_last_error(), (words)) == NULL || (got == SY_OK && *sy_last_error())) { \
      printf("%s:%d: status %d \"%s\", expected %d \"...%s...\"\n", __FILE__, __LINE__, got, sy_last_error(),  \
             (int)(expected), (words));                                                                        \
      ++failures;                                                                                              \
    }                                                                                                          \
  } while (0)
#define EXPECT_OK(call) EXPECT(call, SY_OK, "")
#define EXPECT_TRUE(condition)                                        \
  do {                                                                \
    if (!(condition)) {                                               \
      printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                     \
    }                                                                 \
  } while (0)
/* `call` with one field of `args` changed, which is put back afterwards. */
#define EXPECT_WITH(field, value, call, expected, words) \
  do {                                                   \
    __typeof__(field) kept = (field);                    \
    (field) = (value);                                   \
    EXPECT(call, expected, words);                       \
    (field) = kept;                                      \
  } while (0)

static sy_device* device;

enum {
  TOKENS = 5,
  FEATURES = 12,
  STATE = 3,
  TAPS = 4,
  SLOTS = 4,
  HEADS = 4,
  KV_HEADS = 2,
  HEAD_DIM = 6,
  BLOCKS = 6,
  BLOCK = 4
};

/* Zeroed matrices, exactly as large as they say, so that a sanitizer sees what goes beyond. Freed at the end. */
static void* matrices[256];
static int matrix_count = 0;
static sy_tensor f32(int64_t rows, int64_t cols) {
  sy_tensor t = {calloc((size_t)(rows * cols), 4), SY_F32, rows, cols, cols};
  if (matrix_count == sizeof matrices / sizeof *matrices) abort();
  matrices[matrix_count++] = t.data;
  return t;
}
static sy_tensor typed(int64_t rows, int64_t cols, sy_dtype dtype) {
  sy_tensor t = f32(rows, cols);
  t.dtype = dtype;
  return t;
}

static void test_library_and_device(void) {
  EXPECT_TRUE(sy_abi_version() == SY_ABI_VERSION);
  sy_device* d = NULL;
  EXPECT(sy_device_create(NULL, NULL, 1, &d), SY_ERR_ARGUMENT, "device_create: kind is null");
  EXPECT(sy_device_create("tpu", NULL, 1, &d), SY_ERR_ARGUMENT, "kind is \"tpu\", expected \"cpu\" or \"cuda\"");
  EXPECT(sy_device_create("cuda", NULL, 0, &d), SY_ERR_UNSUPPORTED, "the CUDA library has not been opened");
  EXPECT(sy_cuda_load(NULL), SY_ERR_ARGUMENT, "cuda_load: path is null");
  EXPECT(sy_cuda_load("/nowhere/libsambay_cuda.so"), SY_ERR_UNSUPPORTED, "could not be opened: /nowhere");
  EXPECT(sy_cuda_load("libm.so.6"), SY_ERR_UNSUPPORTED, "is not the CUDA library");
  EXPECT(sy_device_create("cpu", "sse9", 1, &d), SY_ERR_ARGUMENT, "target is \"sse9\", expected auto, scalar");
  EXPECT(sy_device_create("cpu", "", 1, &d), SY_ERR_ARGUMENT, "target is \"\"");
  EXPECT(sy_device_create("cpu", NULL, -1, &d), SY_ERR_ARGUMENT, "threads is -1, expected 0 to 1024");
  EXPECT(sy_device_create("cpu", NULL, 1000000, &d), SY_ERR_ARGUMENT, "threads is 1000000");
  EXPECT(sy_device_create("cpu", NULL, 1, NULL), SY_ERR_ARGUMENT, "device is null");
  EXPECT_TRUE(d == NULL);
  const char* targets[] = {"scalar", "avx2", "avx512", "amx"};
  for (int i = 0; i < 4; ++i) {
    if (sy_cpu_target_supported(targets[i])) {
      EXPECT_OK(sy_device_create("cpu", targets[i], 2, &d));
      EXPECT_TRUE(strcmp(sy_device_target(d), targets[i]) == 0);
      EXPECT_TRUE(sy_device_threads(d) == 2);
      EXPECT_TRUE(strstr(sy_device_description(d), targets[i]) != NULL);
      sy_device_destroy(d);
    } else {
      EXPECT(sy_device_create("cpu", targets[i], 2, &d), SY_ERR_UNSUPPORTED, "does not run here");
    }
  }
  EXPECT_TRUE(sy_cpu_target_supported("scalar") == 1);
  EXPECT_TRUE(sy_cpu_target_supported("auto") == 1);
  EXPECT_TRUE(sy_cpu_target_supported("sse9") == 0);
  EXPECT_TRUE(sy_cpu_target_supported(NULL) == 0);
  EXPECT_OK(sy_device_create("cpu", "auto", 0, &d));
  EXPECT_TRUE(sy_device_threads(d) >= 1);
  EXPECT_TRUE(sy_cpu_target_supported(sy_device_target(d)) == 1);
  sy_device_destroy(d);

  sy_device_destroy(NULL);
  sy_buffer_destroy(NULL);
  sy_weight_destroy(NULL);
  EXPECT_TRUE(sy_buffer_data(NULL) == NULL);
  EXPECT_TRUE(sy_weight_bytes(NULL) == 0);
  EXPECT_TRUE(*sy_device_description(NULL) == 0 && *sy_device_target(NULL) == 0 && sy_device_threads(NULL) == 0);
}

static void test_memory(void) {
  sy_buffer* b = NULL;
  EXPECT(sy_buffer_borrow(NULL, &b, 10, &b), SY_ERR_ARGUMENT, "buffer_borrow: device is null");
  EXPECT(sy_buffer_borrow(device, NULL, 10, &b), SY_ERR_ARGUMENT, "buffer_borrow: data is null");
  EXPECT(sy_buffer_borrow(device, &b, 0, &b), SY_ERR_ARGUMENT, "buffer_borrow: bytes is 0");
  EXPECT(sy_buffer_borrow(device, &b, 10, &b), SY_ERR_UNSUPPORTED, "the device is the CPU, expected a card");
  EXPECT(sy_device_after_stream(NULL, NULL), SY_ERR_ARGUMENT, "device_after_stream: device is null");
  EXPECT(sy_device_after_stream(device, NULL), SY_ERR_UNSUPPORTED, "the device is the CPU, expected a card");
  EXPECT(sy_stream_after_device(device, NULL), SY_ERR_UNSUPPORTED, "the device is the CPU, expected a card");
  EXPECT(sy_buffer_create(NULL, 10, &b), SY_ERR_ARGUMENT, "buffer_create: device is null");
  EXPECT(sy_buffer_create(device, 10, NULL), SY_ERR_ARGUMENT, "is null");
  EXPECT(sy_buffer_create(device, 0, &b), SY_ERR_ARGUMENT, "bytes is 0");
  EXPECT(sy_buffer_create(device, -5, &b), SY_ERR_ARGUMENT, "bytes is -5");
  EXPECT(sy_buffer_create(device, INT64_MAX, &b), SY_ERR_OUT_OF_MEMORY, "9223372036854775807 bytes");
  EXPECT(sy_buffer_create(device, (int64_t)1 << 50, &b), SY_ERR_OUT_OF_MEMORY, "1125899906842624 bytes");
  EXPECT_TRUE(b == NULL);

  /* 64 MiB, of which little is ever touched, zero wherever one looks. */
  const int64_t size = (int64_t)64 << 20;
  EXPECT_OK(sy_buffer_create(device, size, &b));
  char* data = sy_buffer_data(b);
  EXPECT_TRUE((uintptr_t)data % 64 == 0);
  EXPECT_TRUE(data[0] == 0 && data[size / 2] == 0 && data[size - 1] == 0);
  char host[4] = {1, 2, 3, 4}, back[4] = {0};
  EXPECT_OK(sy_upload(device, b, size - 4, host, 4));
  EXPECT_OK(sy_download(device, b, size - 4, back, 4));
  EXPECT_TRUE(memcmp(host, back, 4) == 0);
  EXPECT_OK(sy_upload(device, b, size, NULL, 0));
  EXPECT(sy_upload(device, b, size - 3, host, 4), SY_ERR_ARGUMENT, "4 bytes at offset 67108861 do not lie within");
  EXPECT(sy_upload(device, b, -1, host, 4), SY_ERR_ARGUMENT, "offset -1");
  EXPECT(sy_upload(device, b, 0, host, -4), SY_ERR_ARGUMENT, "-4 bytes");
  EXPECT(sy_upload(device, b, INT64_MAX, host, 4), SY_ERR_ARGUMENT, "do not lie within");
  EXPECT(sy_upload(device, b, 4, host, INT64_MAX), SY_ERR_ARGUMENT, "do not lie within");
  EXPECT(sy_upload(device, b, 0, NULL, 4), SY_ERR_ARGUMENT, "host memory is null");
  EXPECT(sy_upload(device, NULL, 0, host, 4), SY_ERR_ARGUMENT, "is null");
  EXPECT(sy_download(device, b, size, back, 1), SY_ERR_ARGUMENT, "download: 1 bytes at offset");
  EXPECT(sy_download(device, b, 0, NULL, 1), SY_ERR_ARGUMENT, "host memory is null");
  EXPECT(sy_download(device, NULL, 0, back, 1), SY_ERR_ARGUMENT, "is null");
  EXPECT(sy_download(NULL, b, 0, back, 1), SY_ERR_ARGUMENT, "device is null");
  sy_buffer_destroy(b);
}

/* Everything that can be wrong about one view, tried on sy_zero. */
static void test_views(void) {
  sy_tensor t = f32(3, 4);
  EXPECT_OK(sy_zero(device, &t));
  EXPECT(sy_zero(device, NULL), SY_ERR_ARGUMENT, "is null");
  EXPECT_WITH(t.data, NULL, sy_zero(device, &t), SY_ERR_ARGUMENT, "zero: tensor has no data");
  EXPECT_WITH(t.data, (char*)t.data + 1, sy_zero(device, &t), SY_ERR_ARGUMENT, "not a multiple of the 4 bytes of f32");
  EXPECT_WITH(t.dtype, 5, sy_zero(device, &t), SY_ERR_DTYPE, "unknown dtype 5, expected f32 or f16 or bf16");
  EXPECT_WITH(t.dtype, -1, sy_zero(device, &t), SY_ERR_DTYPE, "unknown dtype -1");
  EXPECT_WITH(t.rows, 0, sy_zero(device, &t), SY_ERR_SHAPE, "tensor is [0, 4], expected at least one row");
  EXPECT_WITH(t.rows, -3, sy_zero(device, &t), SY_ERR_SHAPE, "tensor is [-3, 4]");
  EXPECT_WITH(t.cols, 0, sy_zero(device, &t), SY_ERR_SHAPE, "tensor is [3, 0]");
  EXPECT_WITH(t.stride, 3, sy_zero(device, &t), SY_ERR_SHAPE, "stride 3, expected at least its 4 columns");
  EXPECT_WITH(t.stride, -4, sy_zero(device, &t), SY_ERR_SHAPE, "stride -4");
  EXPECT_WITH(t.rows, INT64_MAX, sy_zero(device, &t), SY_ERR_SHAPE, "more than memory can hold");
  EXPECT_WITH(t.stride, INT64_MAX, sy_zero(device, &t), SY_ERR_SHAPE, "more than memory can hold");
  EXPECT_WITH(t.rows, (int64_t)1 << 59, sy_zero(device, &t), SY_ERR_SHAPE, "more than memory can hold");

  sy_tensor to = typed(3, 4, SY_BF16), wide = typed(3, 5, SY_BF16);
  EXPECT_OK(sy_copy(device, &t, &to));
  EXPECT(sy_copy(device, &t, &wide), SY_ERR_SHAPE, "copy: to is [3, 5], expected [rows=3, cols=4]");
  EXPECT(sy_copy(device, &t, NULL), SY_ERR_ARGUMENT, "to is null");
  EXPECT(sy_copy(device, NULL, &to), SY_ERR_ARGUMENT, "is null");
  EXPECT(sy_copy(device, &t, &t), SY_ERR_ARGUMENT, "to and from overlap in memory");
  /* Left and right half of one matrix lie between one another, and do not overlap. */
  sy_tensor left = f32(3, 4), right = left;
  left.cols = right.cols = 2;
  right.data = (float*)left.data + 2;
  EXPECT_OK(sy_copy(device, &left, &right));
  right.data = (float*)left.data + 1;
  EXPECT(sy_copy(device, &left, &right), SY_ERR_ARGUMENT, "overlap");
  EXPECT(sy_copy(device, &right, &left), SY_ERR_ARGUMENT, "overlap");
}

static void test_weights_and_linear(void) {
  sy_weight* w = NULL;
  EXPECT(sy_weight_create(device, 0, 5, SY_F32, &w), SY_ERR_ARGUMENT, "weight_create: rows is 0");
  EXPECT(sy_weight_create(device, 5, -1, SY_F32, &w), SY_ERR_ARGUMENT, "cols is -1");
  EXPECT(sy_weight_create(device, 5, 5, 7, &w), SY_ERR_DTYPE, "storage has the unknown dtype 7");
  EXPECT(sy_weight_create(device, INT64_MAX, 5, SY_F32, &w), SY_ERR_SHAPE, "more than memory can hold");
  EXPECT(sy_weight_create(device, (int64_t)1 << 40, (int64_t)1 << 40, SY_F32, &w), SY_ERR_SHAPE, "more than memory");
  EXPECT(sy_weight_create(device, (int64_t)1 << 25, (int64_t)1 << 25, SY_BF16, &w), SY_ERR_OUT_OF_MEMORY,
         "2251799813685248 bytes");
  EXPECT(sy_weight_create(device, 5, 5, SY_F32, NULL), SY_ERR_ARGUMENT, "is null");
  EXPECT(sy_weight_create(NULL, 5, 5, SY_F32, &w), SY_ERR_ARGUMENT, "device is null");
  EXPECT_TRUE(w == NULL);

  EXPECT_OK(sy_weight_create(device, 7, FEATURES, SY_BF16, &w));
  EXPECT_TRUE(sy_weight_bytes(w) >= 7 * FEATURES * 2);
  sy_tensor rows = f32(3, FEATURES), narrow = f32(3, FEATURES - 1);
  EXPECT_OK(sy_weight_set_rows(device, w, 4, &rows));
  EXPECT(sy_weight_set_rows(device, w, 5, &rows), SY_ERR_ARGUMENT,
         "first_row is 5 for 3 rows, expected them within the weight's 7");
  EXPECT(sy_weight_set_rows(device, w, -1, &rows), SY_ERR_ARGUMENT, "first_row is -1");
  EXPECT(sy_weight_set_rows(device, w, INT64_MAX, &rows), SY_ERR_ARGUMENT, "first_row is 9223372036854775807");
  EXPECT(sy_weight_set_rows(device, w, 0, &narrow), SY_ERR_SHAPE, "from is [3, 11], expected [n, cols=12]");
  EXPECT(sy_weight_set_rows(device, w, 0, NULL), SY_ERR_ARGUMENT, "from is null");
  EXPECT(sy_weight_set_rows(device, NULL, 0, &rows), SY_ERR_ARGUMENT, "is null");

  sy_tensor x = f32(TOKENS, FEATURES), bias = f32(1, 7), y = f32(TOKENS, 7), other = f32(TOKENS + 1, 8);
  sy_linear_args args = {&x, NULL, w, &bias, NULL, &y, 0};
  EXPECT_OK(sy_linear(device, &args));
  EXPECT(sy_linear(device, NULL), SY_ERR_ARGUMENT, "linear: args is null");
  EXPECT(sy_linear(NULL, &args), SY_ERR_ARGUMENT, "linear: device is null");
  EXPECT_WITH(args.x, NULL, sy_linear(device, &args), SY_ERR_ARGUMENT, "x is null");
  EXPECT_WITH(args.weight, NULL, sy_linear(device, &args), SY_ERR_ARGUMENT, "weight is null");
  EXPECT_WITH(args.y, NULL, sy_linear(device, &args), SY_ERR_ARGUMENT, "y is null");
  EXPECT_WITH(args.x, &narrow, sy_linear(device, &args), SY_ERR_SHAPE, "x is [3, 11], expected [tokens, inputs=12]");
  EXPECT_WITH(args.y, &other, sy_linear(device, &args), SY_ERR_SHAPE, "y is [6, 8], expected [tokens=5, outputs=7]");
  EXPECT_WITH(args.bias, &other, sy_linear(device, &args), SY_ERR_SHAPE, "bias is [6, 8], expected [1, outputs=7]");
  EXPECT_WITH(bias.dtype, SY_BF16, sy_linear(device, &args), SY_ERR_DTYPE, "bias is bf16, expected f32");
  EXPECT_WITH(y.data, x.data, sy_linear(device, &args), SY_ERR_ARGUMENT, "y and x overlap");
  EXPECT_WITH(args.flags, 3, sy_linear(device, &args), SY_ERR_ARGUMENT, "flags is 3");
  EXPECT_WITH(args.flags, SY_LINEAR_SWIGLU, sy_linear(device, &args), SY_ERR_SHAPE,
              "outputs is 7, expected a multiple of 2");
  EXPECT_WITH(args.flags, SY_LINEAR_GMU, sy_linear(device, &args), SY_ERR_ARGUMENT, "memory is null");
  EXPECT_WITH(args.memory, &y, sy_linear(device, &args), SY_ERR_ARGUMENT, "expected it with SY_LINEAR_GMU only");
  sy_tensor norm_weight = f32(1, FEATURES);
  sy_norm norm = {&norm_weight, NULL, 1e-5f, SY_BF16};
  EXPECT_WITH(args.norm, &norm, sy_linear(device, &args), SY_OK, "");
  args.norm = &norm;
  EXPECT_WITH(norm.weight, NULL, sy_linear(device, &args), SY_ERR_ARGUMENT, "norm.weight is null");
  EXPECT_WITH(norm.bias, &bias, sy_linear(device, &args), SY_ERR_SHAPE, "norm.bias is [1, 7]");
  EXPECT_WITH(norm.eps, -1.0f, sy_linear(device, &args), SY_ERR_ARGUMENT, "eps is -1");
  EXPECT_WITH(norm.dtype, SY_INT8, sy_linear(device, &args), SY_ERR_DTYPE, "norm.dtype is int8");
  args.norm = NULL;
  sy_device* second = NULL;
  EXPECT_OK(sy_device_create("cpu", NULL, 1, &second));
  EXPECT(sy_linear(second, &args), SY_ERR_ARGUMENT, "weight belongs to another device");
  sy_device_destroy(second);

  int32_t ids[TOKENS] = {0, 6, 3, 3, 1};
  sy_tensor h = f32(TOKENS, FEATURES);
  sy_embedding_args embed = {w, ids, &h};
  EXPECT_OK(sy_embedding(device, &embed));
  EXPECT_WITH(ids[2], 7, sy_embedding(device, &embed), SY_ERR_ARGUMENT, "embedding: ids[2] is 7, expected 0 to 6");
  EXPECT_WITH(ids[4], -1, sy_embedding(device, &embed), SY_ERR_ARGUMENT, "ids[4] is -1");
  EXPECT_WITH(embed.ids, NULL, sy_embedding(device, &embed), SY_ERR_ARGUMENT, "ids is null");
  EXPECT_WITH(embed.table, NULL, sy_embedding(device, &embed), SY_ERR_ARGUMENT, "table is null");
  EXPECT_WITH(embed.y, &y, sy_embedding(device, &embed), SY_ERR_SHAPE, "y is [5, 7], expected [tokens, hidden=12]");
  EXPECT(sy_embedding(device, NULL), SY_ERR_ARGUMENT, "args is null");

  int32_t picks[2] = {4, 0};
  sy_tensor picked = f32(2, FEATURES);
  sy_gather_rows_args gather = {&x, picks, &picked};
  EXPECT_OK(sy_gather_rows(device, &gather));
  EXPECT_WITH(picks[0], TOKENS, sy_gather_rows(device, &gather), SY_ERR_ARGUMENT,
              "gather_rows: rows[0] is 5, expected 0 to 4");
  EXPECT_WITH(gather.rows, NULL, sy_gather_rows(device, &gather), SY_ERR_ARGUMENT, "rows is null");
  EXPECT_WITH(gather.x, NULL, sy_gather_rows(device, &gather), SY_ERR_ARGUMENT, "x is null");
  EXPECT_WITH(gather.y, NULL, sy_gather_rows(device, &gather), SY_ERR_ARGUMENT, "y is null");
  EXPECT_WITH(picked.dtype, SY_F16, sy_gather_rows(device, &gather), SY_ERR_DTYPE, "y is f16, expected f32");
  EXPECT_WITH(picked.data, x.data, sy_gather_rows(device, &gather), SY_ERR_ARGUMENT, "y and x overlap");
  EXPECT(sy_gather_rows(device, NULL), SY_ERR_ARGUMENT, "args is null");
  sy_weight_destroy(w);
  EXPECT(sy_weight_create(device, 4, 33, SY_INT4, &w), SY_ERR_SHAPE, "cols is 33, expected a multiple of 32");
  EXPECT(sy_weight_create(device, 4, 32, 9, &w), SY_ERR_DTYPE, "storage has the unknown dtype 9");
}

static void test_sampling_and_graphs(void) {
  sy_tensor logits = f32(1, 5);
  double one = 1, zero = 0, far = 3;
  int32_t top_k = 0, token = 0;
  uint64_t random = 0;
  sy_sample_args sample = {&logits, &one, &top_k, &one, &zero, &random, &token, NULL};
  EXPECT_WITH(sample.logits, NULL, sy_sample(device, &sample), SY_ERR_ARGUMENT, "logits is null");
  EXPECT_WITH(sample.temperature, &far, sy_sample(device, &sample), SY_ERR_ARGUMENT, "temperature[0] is 3");
  EXPECT_WITH(sample.token, NULL, sy_sample(device, &sample), SY_ERR_ARGUMENT, "token is null");
  EXPECT_WITH(top_k, -1, sy_sample(device, &sample), SY_ERR_ARGUMENT, "top_k[0] is -1");
  sy_graph* graph = NULL;
  EXPECT(sy_graph_begin(device), SY_ERR_UNSUPPORTED, "the CPU keeps no graphs");
  EXPECT(sy_graph_end(device, &graph), SY_ERR_UNSUPPORTED, "the CPU keeps no graphs");
  EXPECT(sy_graph_launch(device, NULL), SY_ERR_ARGUMENT, "is null");
  sy_graph_destroy(NULL);
  EXPECT_OK(sy_synchronize(device));
  int64_t free_bytes = 0, total_bytes = 0;
  EXPECT_OK(sy_device_memory(device, &free_bytes, &total_bytes));
  EXPECT_TRUE(free_bytes > 0 && free_bytes <= total_bytes);
  double seconds = -1;
  EXPECT_OK(sy_timer_start(device));
  EXPECT_OK(sy_timer_stop(device, &seconds));
  EXPECT_TRUE(seconds >= 0);
}

static void test_norms_and_gates(void) {
  sy_tensor x = f32(TOKENS, FEATURES), w = f32(1, FEATURES), b = f32(1, FEATURES), y = f32(TOKENS, FEATURES);
  sy_tensor other = f32(TOKENS, FEATURES - 1), two = f32(TOKENS, 2 * FEATURES);
  sy_layer_norm_args layer = {&x, &w, &b, &y, 1e-5f};
  EXPECT_OK(sy_layer_norm(device, &layer));
  EXPECT(sy_layer_norm(device, NULL), SY_ERR_ARGUMENT, "layer_norm: args is null");
  EXPECT_WITH(layer.x, NULL, sy_layer_norm(device, &layer), SY_ERR_ARGUMENT, "x is null");
  EXPECT_WITH(layer.weight, NULL, sy_layer_norm(device, &layer), SY_ERR_ARGUMENT, "weight is null");
  EXPECT_WITH(layer.bias, NULL, sy_layer_norm(device, &layer), SY_ERR_ARGUMENT, "bias is null");
  EXPECT_WITH(layer.y, NULL, sy_layer_norm(device, &layer), SY_ERR_ARGUMENT, "y is null");
  EXPECT_WITH(layer.y, &other, sy_layer_norm(device, &layer), SY_ERR_SHAPE,
              "y is [5, 11], expected [tokens=5, features=12]");
  EXPECT_WITH(w.dtype, SY_F16, sy_layer_norm(device, &layer), SY_ERR_DTYPE, "weight is f16, expected f32");
  EXPECT_WITH(layer.eps, NAN, sy_layer_norm(device, &layer), SY_ERR_ARGUMENT, "eps is nan");
  EXPECT_WITH(layer.eps, -1.0f, sy_layer_norm(device, &layer), SY_ERR_ARGUMENT, "eps is -1");
  EXPECT_WITH(layer.y, &x, sy_layer_norm(device, &layer), SY_OK, "");
  sy_tensor shifted = {(float*)x.data + 1, SY_F32, TOKENS - 1, FEATURES, FEATURES};
  EXPECT_WITH(x.rows, TOKENS - 1, (layer.y = &shifted, sy_layer_norm(device, &layer)), SY_ERR_ARGUMENT,
              "y and x overlap in part");

  sy_rms_norm_args rms = {&x, &w, &y, 1e-5f};
  EXPECT_OK(sy_rms_norm(device, &rms));
  EXPECT(sy_rms_norm(device, NULL), SY_ERR_ARGUMENT, "rms_norm: args is null");
  EXPECT_WITH(rms.weight, NULL, sy_rms_norm(device, &rms), SY_ERR_ARGUMENT, "weight is null");
  EXPECT_WITH(rms.weight, &other, sy_rms_norm(device, &rms), SY_ERR_SHAPE,
              "weight is [5, 11], expected [1, features=12]");
  EXPECT_WITH(rms.eps, INFINITY, sy_rms_norm(device, &rms), SY_ERR_ARGUMENT, "eps is inf");

  sy_swiglu_args swiglu = {&two, &y};
  EXPECT_OK(sy_swiglu(device, &swiglu));
  EXPECT(sy_swiglu(device, NULL), SY_ERR_ARGUMENT, "swiglu: args is null");
  EXPECT_WITH(swiglu.gate_up, NULL, sy_swiglu(device, &swiglu), SY_ERR_ARGUMENT, "gate_up is null");
  EXPECT_WITH(swiglu.gate_up, &x, sy_swiglu(device, &swiglu), SY_ERR_SHAPE,
              "gate_up is [5, 12], expected [tokens=5, 2 * features=24]");
  EXPECT_WITH(swiglu.y, NULL, sy_swiglu(device, &swiglu), SY_ERR_ARGUMENT, "y is null");
  EXPECT_WITH(y.data, two.data, sy_swiglu(device, &swiglu), SY_ERR_ARGUMENT, "y and gate_up overlap");

  sy_tensor memory = f32(TOKENS, FEATURES);
  sy_gmu_args gmu = {&x, &memory, &w, &y, 1e-5f, 3};
  EXPECT_OK(sy_gmu(device, &gmu));
  EXPECT(sy_gmu(device, NULL), SY_ERR_ARGUMENT, "gmu: args is null");
  EXPECT_WITH(gmu.memory, &other, sy_gmu(device, &gmu), SY_ERR_SHAPE,
              "memory is [5, 11], expected [tokens=5, inner=12]");
  EXPECT_WITH(gmu.gate, NULL, sy_gmu(device, &gmu), SY_ERR_ARGUMENT, "gate is null");
  EXPECT_WITH(gmu.norm_groups, 5, sy_gmu(device, &gmu), SY_ERR_ARGUMENT,
              "norm_groups is 5, expected a divisor of inner=12");
  EXPECT_WITH(gmu.norm_groups, 0, sy_gmu(device, &gmu), SY_ERR_ARGUMENT, "norm_groups is 0");
  EXPECT_WITH(gmu.eps, NAN, sy_gmu(device, &gmu), SY_ERR_ARGUMENT, "eps is nan");
  EXPECT_WITH(y.data, memory.data, sy_gmu(device, &gmu), SY_ERR_ARGUMENT, "y and memory overlap");
  gmu.norm_weight = NULL;
  gmu.norm_groups = 0;
  EXPECT_WITH(gmu.y, &x, sy_gmu(device, &gmu), SY_OK, "");
}

static int32_t seq_start[3] = {0, 2, TOKENS}, slot[2] = {3, 0}, position[2] = {7, 0};
static sy_batch batch = {2, seq_start, slot, position};

static void test_mamba(void) {
  sy_tensor x = f32(TOKENS, FEATURES), w = f32(TAPS, FEATURES), bias = f32(1, FEATURES), y = f32(TOKENS, FEATURES);
  sy_tensor tail = f32(SLOTS * (TAPS - 1), FEATURES), one = f32(1, FEATURES);
  sy_causal_conv1d_args conv = {&batch, &x, &w, &bias, &tail, &y};
  EXPECT_OK(sy_causal_conv1d(device, &conv));
  EXPECT(sy_causal_conv1d(device, NULL), SY_ERR_ARGUMENT, "causal_conv1d: args is null");
  EXPECT_WITH(conv.x, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "x is null");
  EXPECT_WITH(conv.weight, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "weight is null");
  EXPECT_WITH(conv.weight, &one, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "taps is 1");
  EXPECT_WITH(conv.tail, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "tail is null");
  EXPECT_WITH(tail.rows, 11, sy_causal_conv1d(device, &conv), SY_ERR_SHAPE,
              "tail is [11, 12], expected [slots * taps - 1=3, inner=12]");
  EXPECT_WITH(tail.dtype, SY_F16, sy_causal_conv1d(device, &conv), SY_ERR_DTYPE, "tail is f16, expected f32");
  EXPECT_WITH(conv.y, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "y is null");
  EXPECT_WITH(conv.y, &x, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "y and x overlap");

  /* Everything that can be wrong about a batch. */
  EXPECT_WITH(conv.batch, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch is null");
  EXPECT_WITH(batch.sequences, 0, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.sequences is 0");
  EXPECT_WITH(batch.sequences, -1, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.sequences is -1");
  EXPECT_WITH(batch.seq_start, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.seq_start is null");
  EXPECT_WITH(batch.slot, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.slot is null");
  EXPECT_WITH(batch.position, NULL, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.position is null");
  EXPECT_WITH(seq_start[0], 1, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.seq_start[0] is 1, expected 0");
  EXPECT_WITH(seq_start[1], 0, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT,
              "batch.seq_start[1] is 0, expected more than the 0 before it");
  EXPECT_WITH(seq_start[1], INT32_MIN, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.seq_start[1]");
  EXPECT_WITH(seq_start[2], 9, sy_causal_conv1d(device, &conv), SY_ERR_SHAPE,
              "batch.seq_start ends at 9, expected tokens=5");
  EXPECT_WITH(slot[0], SLOTS, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.slot[0] is 4, expected 0 to 3");
  EXPECT_WITH(slot[0], -1, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.slot[0] is -1");
  EXPECT_WITH(slot[0], 0, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.slot holds 0 twice");
  EXPECT_WITH(position[1], -1, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT, "batch.position[1] is -1");
  EXPECT_WITH(position[1], INT32_MAX - 2, sy_causal_conv1d(device, &conv), SY_ERR_ARGUMENT,
              "batch.position[1] is 2147483645 for 3 tokens");

  sy_tensor delta = f32(TOKENS, FEATURES), a = f32(STATE, FEATURES), b = f32(TOKENS, STATE), c = f32(TOKENS, STATE);
  sy_tensor d = f32(1, FEATURES), z = f32(TOKENS, FEATURES), state = f32(SLOTS * STATE, FEATURES);
  sy_tensor ungated = f32(TOKENS, FEATURES), wrong = f32(TOKENS + 2, STATE);
  sy_selective_scan_args scan = {&batch, &x, &delta, &bias, &a, &b, &c, &d, &z, &state, &y, &ungated};
  EXPECT_OK(sy_selective_scan(device, &scan));
  EXPECT(sy_selective_scan(device, NULL), SY_ERR_ARGUMENT, "selective_scan: args is null");
  EXPECT_WITH(scan.x, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "x is null");
  EXPECT_WITH(scan.delta, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "delta is null");
  EXPECT_WITH(scan.a, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "a is null");
  EXPECT_WITH(scan.b, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "b is null");
  EXPECT_WITH(scan.c, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "c is null");
  EXPECT_WITH(scan.state, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "state is null");
  EXPECT_WITH(scan.b, &wrong, sy_selective_scan(device, &scan), SY_ERR_SHAPE,
              "selective_scan: b is [7, 3], expected [tokens=5, state=3]");
  EXPECT_WITH(state.dtype, SY_BF16, sy_selective_scan(device, &scan), SY_ERR_DTYPE, "state is bf16, expected f32");
  EXPECT_WITH(state.rows, SLOTS * STATE - 1, sy_selective_scan(device, &scan), SY_ERR_SHAPE,
              "state is [11, 12], expected [slots * state=3, inner=12]");
  EXPECT_WITH(state.rows, STATE, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT,
              "batch.slot[0] is 3, expected 0 to 0");
  EXPECT_WITH(scan.batch, NULL, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "batch is null");
  EXPECT_WITH(ungated.data, y.data, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "y and y_ungated overlap");
  EXPECT_WITH(y.data, z.data, sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "y and z overlap");
  EXPECT_WITH(scan.y, &x, sy_selective_scan(device, &scan), SY_OK, "");
  scan.d = scan.z = scan.delta_bias = NULL;
  EXPECT_WITH(scan.y, NULL, sy_selective_scan(device, &scan), SY_OK, "");
  EXPECT_WITH(scan.y_ungated, NULL, sy_selective_scan(device, &scan), SY_OK, "");
  scan.y = scan.y_ungated = NULL;
  EXPECT(sy_selective_scan(device, &scan), SY_ERR_ARGUMENT, "y and y_ungated are both null");
}

static void test_attention(void) {
  const int64_t kv_features = KV_HEADS * HEAD_DIM;
  sy_tensor q = f32(TOKENS, HEADS * HEAD_DIM), k = f32(TOKENS, kv_features), v = f32(TOKENS, kv_features);
  sy_tensor y = f32(TOKENS, HEADS * HEAD_DIM), narrow = f32(TOKENS, kv_features - 1);
  int32_t table[2 * 3] = {5, 0, 2, 1, 3, -1}; /* the last block of sequence 1 is not yet needed */
  sy_kv kv = {f32(BLOCKS * BLOCK, kv_features), f32(BLOCKS * BLOCK, kv_features), BLOCK, 3, table};

  sy_kv_append_args append = {&batch, &k, &v, &kv};
  EXPECT_OK(sy_kv_append(device, &append));
  EXPECT(sy_kv_append(device, NULL), SY_ERR_ARGUMENT, "kv_append: args is null");
  EXPECT_WITH(append.batch, NULL, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "batch is null");
  EXPECT_WITH(append.k, NULL, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "k is null");
  EXPECT_WITH(append.v, NULL, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "v is null");
  EXPECT_WITH(append.kv, NULL, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv is null");
  EXPECT_WITH(append.v, &narrow, sy_kv_append(device, &append), SY_ERR_SHAPE,
              "v is [5, 11], expected [tokens=5, kv_heads * head_dim=12]");
  EXPECT_WITH(kv.block_tokens, 0, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv.block_tokens is 0");
  EXPECT_WITH(kv.block_tokens, 5, sy_kv_append(device, &append), SY_ERR_SHAPE,
              "kv.keys has 24 rows, expected a multiple of block_tokens=5");
  EXPECT_WITH(kv.table_cols, 0, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv.table_cols is 0");
  EXPECT_WITH(kv.table, NULL, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv.table is null");
  EXPECT_WITH(kv.values.rows, 20, sy_kv_append(device, &append), SY_ERR_SHAPE, "kv.values is [20, 12], expected");
  EXPECT_WITH(kv.values.dtype, SY_BF16, sy_kv_append(device, &append), SY_ERR_DTYPE, "kv.values is bf16, expected f32");
  EXPECT_WITH(kv.values.data, kv.keys.data, sy_kv_append(device, &append), SY_ERR_ARGUMENT,
              "kv.keys and kv.values overlap");
  EXPECT_WITH(k.data, kv.keys.data, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv.keys and k overlap");
  EXPECT_WITH(table[2], BLOCKS, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv.table[0, 2] is 6, expected 0 to 5");
  EXPECT_WITH(table[3], -1, sy_kv_append(device, &append), SY_ERR_ARGUMENT, "kv.table[1, 0] is -1");

  sy_tensor ks = f32(4, kv_features), vs = f32(4, kv_features);
  sy_kv_read_args read = {&kv, 0, 3, &ks, &vs};
  EXPECT_OK(sy_kv_read(device, &read));
  EXPECT(sy_kv_read(device, NULL), SY_ERR_ARGUMENT, "kv_read: args is null");
  EXPECT_WITH(read.kv, NULL, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "kv is null");
  EXPECT_WITH(read.k, NULL, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "k is null");
  EXPECT_WITH(read.v, NULL, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "v is null");
  EXPECT_WITH(read.sequence, -1, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "sequence is -1");
  EXPECT_WITH(read.first, -1, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "first is -1");
  EXPECT_WITH(read.first, INT32_MAX, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "first is 2147483647");
  EXPECT_WITH(kv.table_cols, 0, sy_kv_read(device, &read), SY_ERR_ARGUMENT, "kv.table_cols is 0");

  sy_attention_args args = {&batch, &q, &k, &v, &kv, &y, HEADS, KV_HEADS, HEAD_DIM, 0, 0.5f};
  EXPECT_OK(sy_attention(device, &args));
  EXPECT(sy_attention(device, NULL), SY_ERR_ARGUMENT, "attention: args is null");
  EXPECT_WITH(args.batch, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT, "batch is null");
  EXPECT_WITH(args.q, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT, "q is null");
  EXPECT_WITH(args.k, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT,
              "k is null and v is not, expected both or none");
  EXPECT_WITH(args.v, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT, "v is null and k is not");
  EXPECT_WITH(args.kv, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT,
              "kv is null, expected a cache for batch.position[0]=7");
  EXPECT_WITH(args.y, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT, "y is null");
  EXPECT_WITH(y.data, q.data, sy_attention(device, &args), SY_ERR_ARGUMENT, "y and q overlap");
  EXPECT_WITH(args.heads, 5, sy_attention(device, &args), SY_ERR_SHAPE,
              "heads is 5, expected a multiple of kv_heads=2");
  EXPECT_WITH(args.heads, 0, sy_attention(device, &args), SY_ERR_ARGUMENT, "heads is 0");
  EXPECT_WITH(args.heads, INT32_MAX - 1, sy_attention(device, &args), SY_ERR_SHAPE, "heads * head_dim=12884901876");
  EXPECT_WITH(args.kv_heads, -2, sy_attention(device, &args), SY_ERR_ARGUMENT, "kv_heads is -2");
  EXPECT_WITH(args.head_dim, 0, sy_attention(device, &args), SY_ERR_ARGUMENT, "head_dim is 0");
  EXPECT_WITH(args.head_dim, 7, sy_attention(device, &args), SY_ERR_SHAPE,
              "q is [5, 24], expected [tokens, heads * head_dim=28]");
  EXPECT_WITH(args.window, -1, sy_attention(device, &args), SY_ERR_ARGUMENT, "window is -1");
  EXPECT_WITH(args.scale, NAN, sy_attention(device, &args), SY_ERR_ARGUMENT, "scale is nan");
  EXPECT_WITH(args.k, &narrow, sy_attention(device, &args), SY_ERR_SHAPE,
              "k is [5, 11], expected [tokens=5, kv_heads * head_dim=12]");
  EXPECT_WITH(kv.keys.cols, 11, sy_attention(device, &args), SY_ERR_SHAPE, "kv.keys is [24, 11]");
  EXPECT_WITH(table[1], 99, sy_attention(device, &args), SY_ERR_ARGUMENT, "kv.table[0, 1] is 99, expected 0 to 5");
  EXPECT_WITH(position[0], 13, sy_attention(device, &args), SY_ERR_SHAPE,
              "kv holds 12 positions of sequence 0, expected room for 13: 0 to 12");
  /* With a window the ring may be shorter than the sequence. */
  args.window = 8;
  EXPECT_WITH(position[0], 1000, sy_attention(device, &args), SY_OK, "");
  args.window = 0;
  args.k = args.v = NULL;
  EXPECT_OK(sy_attention(device, &args));
  EXPECT_WITH(args.kv, NULL, sy_attention(device, &args), SY_ERR_ARGUMENT, "kv, k and v are null");
  EXPECT_WITH(position[0], 11, sy_attention(device, &args), SY_ERR_SHAPE, "expected room for 13: 0 to 12");

  sy_tensor subln = f32(1, 2 * HEAD_DIM);
  sy_diff_attention_args diff = {&batch,   &q,       &k, &v,   &kv,  &subln, &y,   HEADS,
                                 KV_HEADS, HEAD_DIM, 0,  0.5f, 0.3f, 0.7f,   1e-5f};
  EXPECT_OK(sy_diff_attention(device, &diff));
  EXPECT(sy_diff_attention(device, NULL), SY_ERR_ARGUMENT, "diff_attention: args is null");
  EXPECT_WITH(diff.kv_heads, 1, sy_diff_attention(device, &diff), SY_ERR_SHAPE,
              "heads is 4 and kv_heads is 1, expected even numbers");
  EXPECT_WITH(diff.subln_weight, NULL, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "subln_weight is null");
  EXPECT_WITH(subln.cols, HEAD_DIM, sy_diff_attention(device, &diff), SY_ERR_SHAPE,
              "subln_weight is [1, 6], expected [1, 2 * head_dim=12]");
  EXPECT_WITH(diff.lambda, NAN, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "lambda is nan");
  EXPECT_WITH(diff.out_scale, INFINITY, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "out_scale is inf");
  EXPECT_WITH(diff.eps, NAN, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "eps is nan");
  EXPECT_WITH(diff.scale, -INFINITY, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "scale is -inf");
  EXPECT_WITH(diff.kv, NULL, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "kv is null");
  EXPECT_WITH(diff.y, NULL, sy_diff_attention(device, &diff), SY_ERR_ARGUMENT, "y is null");

  sy_tensor cos_table = f32(20, 2), sin_table = f32(20, 2);
  sy_rope_args rope = {&batch, &q, &cos_table, &sin_table, HEAD_DIM};
  EXPECT_OK(sy_rope(device, &rope));
  EXPECT(sy_rope(device, NULL), SY_ERR_ARGUMENT, "rope: args is null");
  EXPECT_WITH(rope.x, NULL, sy_rope(device, &rope), SY_ERR_ARGUMENT, "x is null");
  EXPECT_WITH(rope.cos, NULL, sy_rope(device, &rope), SY_ERR_ARGUMENT, "cos is null");
  EXPECT_WITH(rope.sin, NULL, sy_rope(device, &rope), SY_ERR_ARGUMENT, "sin is null");
  EXPECT_WITH(rope.batch, NULL, sy_rope(device, &rope), SY_ERR_ARGUMENT, "batch is null");
  EXPECT_WITH(rope.head_dim, 5, sy_rope(device, &rope), SY_ERR_ARGUMENT,
              "head_dim is 5, expected a divisor of heads * head_dim=24");
  EXPECT_WITH(rope.head_dim, 0, sy_rope(device, &rope), SY_ERR_ARGUMENT, "head_dim is 0");
  EXPECT_WITH(rope.head_dim, 3, sy_rope(device, &rope), SY_ERR_SHAPE,
              "cos has 2 columns, expected at most half of head_dim=3");
  EXPECT_WITH(sin_table.rows, 19, sy_rope(device, &rope), SY_ERR_SHAPE,
              "sin is [19, 2], expected [positions=20, r / 2=2]");
  EXPECT_WITH(position[1], 18, sy_rope(device, &rope), SY_ERR_SHAPE,
              "cos has 20 rows, expected one for each position up to 20 of sequence 1");
}

static void test_limits(void) {
  sy_limits limits = {-1, -1, -1, -1, -1, -1};
  EXPECT(sy_measure_limits(NULL, 1, &limits), SY_ERR_ARGUMENT, "measure_limits: device is null");
  EXPECT(sy_measure_limits(device, 1, NULL), SY_ERR_ARGUMENT, "is null");
  EXPECT(sy_measure_limits(device, 0, &limits), SY_ERR_ARGUMENT, "seconds is 0, expected more than 0 and at most 600");
  EXPECT(sy_measure_limits(device, 601, &limits), SY_ERR_ARGUMENT, "seconds is 601");
  EXPECT(sy_measure_limits(device, NAN, &limits), SY_ERR_ARGUMENT, "seconds is nan");
  EXPECT_TRUE(limits.read_bytes == -1 && limits.exps == -1);

  const char* targets[] = {"scalar", "avx2", "avx512", "amx"};
  for (int i = 0; i < 4; ++i) {
    if (!sy_cpu_target_supported(targets[i])) continue;
    sy_device* d = NULL;
    EXPECT_OK(sy_device_create("cpu", targets[i], 2, &d));
    EXPECT_OK(sy_measure_limits(d, 0.01, &limits));
    EXPECT_TRUE(isfinite(limits.read_bytes) && limits.read_bytes > 0);
    EXPECT_TRUE(isfinite(limits.f32_flops) && limits.f32_flops > 0);
    EXPECT_TRUE(isfinite(limits.exps) && limits.exps > 0);
    EXPECT_TRUE(isfinite(limits.bf16_flops) && limits.bf16_flops >= 0);
    /* avx512 computes such products where the processor is fast at them, which is not for a test to know. */
    if (strcmp(targets[i], "amx") == 0) EXPECT_TRUE(limits.bf16_flops > 0);
    if (strcmp(targets[i], "scalar") == 0 || strcmp(targets[i], "avx2") == 0) EXPECT_TRUE(limits.bf16_flops == 0);
    sy_device_destroy(d);
  }
}

/* Four threads use one device; each keeps its own error text. */
static void* worker(void* unused) {
  (void)unused;
  float values[8 * 100] = {0}, weight[100] = {0}, result[8 * 100];
  sy_tensor x = {values, SY_F32, 8, 100, 100}, w = {weight, SY_F32, 1, 100, 100}, y = {result, SY_F32, 8, 100, 100};
  sy_rms_norm_args args = {&x, &w, &y, 1e-5f};
  for (int i = 0; i < 300; ++i) {
    EXPECT_OK(sy_rms_norm(device, &args));
    EXPECT(sy_rms_norm(device, NULL), SY_ERR_ARGUMENT, "rms_norm: args is null");
  }
  return NULL;
}

static void test_threads(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, worker, NULL);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  EXPECT_OK(sy_zero(device, &(sy_tensor){&(float){1}, SY_F32, 1, 1, 1}));
  EXPECT_TRUE(*sy_last_error() == 0);
}

int main(void) {
  test_library_and_device();
  EXPECT_OK(sy_device_create("cpu", NULL, 2, &device));
  test_memory();
  test_views();
  test_weights_and_linear();
  test_sampling_and_graphs();
  test_norms_and_gates();
  test_mamba();
  test_attention();
  test_limits();
  test_threads();
  sy_device_destroy(device);
  while (matrix_count > 0) free(matrices[--matrix_count]);
  if (failures != 0) printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

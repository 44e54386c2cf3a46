#ifndef SAMBAY_API_CHECK_H_
#define SAMBAY_API_CHECK_H_

#include <cstdint>

#include "sambay/sambay.h"

namespace sambay {

// A size that several arguments have in common. The first argument that has it binds it, the others must agree.
struct Dim {
  const char* name;
  int64_t value = 0;  // 0: not bound yet; no size is 0

  bool bound() const { return value != 0; }
};

// Which storage types an argument takes, as a set of bits.
inline constexpr unsigned kF32Only = 1u << SY_F32;
inline constexpr unsigned kAnyDtype = 1u << SY_F32 | 1u << SY_F16 | 1u << SY_BF16;
inline constexpr unsigned kQuantized = 1u << SY_INT8 | 1u << SY_INT4;  // weights only
unsigned only(sy_dtype dtype);

int64_t element_bytes(sy_dtype dtype);  // of f32, f16, bf16
const char* dtype_name(sy_dtype dtype);

// The checks of arguments, one short line each in the entry points. Every function throws Failure with a sentence that
// names the argument, what was found and what was expected.
namespace check {

void not_null(const char* name, const void* pointer);
// lowest <= value <= highest.
void range(const char* name, int64_t value, int64_t lowest, int64_t highest);
void finite(const char* name, float value);
// Finite and not negative, as the eps of a norm.
void eps(float value);

// One of the numbers that divide `whole`.
void divisor(const char* name, int64_t value, const Dim& whole);
void multiple(const char* name, int64_t value, int64_t unit);
void dtype(const char* name, sy_dtype dtype, unsigned dtypes);
// A handle that was made for another device is not to be used on this one.
void belongs(const char* name, const sy_device* owner, const sy_device* device);

// A well-formed view whose shape is [rows, cols] and whose dtype is one of `dtypes`. Binds sizes not yet bound.
void matrix(const char* name, const sy_tensor* tensor, Dim& rows, Dim& cols, unsigned dtypes = kAnyDtype);
// A matrix, or null.
void optional_matrix(const char* name, const sy_tensor* tensor, Dim& rows, Dim& cols);
// [1, cols] f32.
void vector(const char* name, const sy_tensor* tensor, Dim& cols);
// A vector, or null.
void optional_vector(const char* name, const sy_tensor* tensor, Dim& cols);
// [count * unit, cols], where `count_name` is what to call the count, which is returned.
int64_t stacked(const char* name, const sy_tensor* tensor, const char* count_name, const Dim& unit, Dim& cols,
                unsigned dtypes);

// No byte in common, where views of different columns of one matrix do not touch.
void disjoint(const char* a_name, const sy_tensor* a, const char* b_name, const sy_tensor* b);
// The very same view, or no byte in common.
void same_or_disjoint(const char* a_name, const sy_tensor* a, const char* b_name, const sy_tensor* b);

// A well-formed batch whose rows are `tokens`.
void batch(const sy_batch* batch, const Dim& tokens);
// Every slot of the batch is one of `slots`.
void slots(const sy_batch& batch, int64_t slots);
// values[0 .. n - 1], host memory, each in 0 .. limit - 1.
void indices(const char* name, const int32_t* values, int64_t n, int64_t limit);
// values[0 .. n - 1], host memory, each in lowest .. highest.
void numbers(const char* name, const double* values, int64_t n, double lowest, double highest);
// Codes and scales of [rows, cols] in host memory.
void quantized(const char* name, const sy_quantized* rows_of_codes, Dim& rows, Dim& cols);

// A well-formed cache with rows of `features`, apart from its table.
void kv(const sy_kv* kv, Dim& features);
// The cache can hold positions first .. end - 1 of this sequence all at once, and their blocks lie within it.
void kv_positions(const sy_kv& kv, int64_t sequence, int64_t first, int64_t end);

// Of host arrays alone, which change from one launch of a graph to the next; the rest of the arguments is sound.
// The keys that an attention of these rows sees lie within the cache; own_keys: those of the rows themselves do not
// count.
void attention_keys(const sy_batch& batch, const sy_kv* kv, bool own_keys, int32_t window);
// The rows can be appended to the cache.
void append_positions(const sy_batch& batch, const sy_kv& kv);
// Rotary tables of `positions` rows reach as far as the batch.
void rope_positions(const sy_batch& batch, int64_t positions);

}  // namespace check
}  // namespace sambay

#endif  // SAMBAY_API_CHECK_H_

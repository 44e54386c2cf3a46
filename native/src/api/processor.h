#ifndef SAMBAY_API_PROCESSOR_H_
#define SAMBAY_API_PROCESSOR_H_

#include <cstdint>

#include "api/error.h"
#include "api/packed_weight.h"
#include "sambay/sambay.h"

namespace sambay {

struct ErrorText {
  char text[kErrorTextBytes];
};

// One operation of a processor. What fails is told by the status and one sentence in `error`, never by an exception:
// the processor may live in a library of its own, with its own C++ runtime.
template <class... Args>
using Operation = sy_status (*)(void* self, ErrorText& error, Args... args);

// Everything a processor (the CPU's cores, a card) does for the functions of sambay.h, which have checked all arguments
// before, those in host arrays too, and call one operation at a time. `self` is the processor.
struct ProcessorTable {
  int32_t abi_version;  // SY_ABI_VERSION

  void (*destroy)(void* self);
  const char* (*description)(const void* self);  // as of sy_device_description and so on
  const char* (*target)(const void* self);
  int32_t (*threads)(const void* self);
  void* (*stream)(void* self);
  Operation<void*> after_stream;   // sy_device_after_stream
  Operation<void*> before_stream;  // sy_stream_after_device
  Operation<int64_t*, int64_t*> memory;
  Operation<> synchronize;
  Operation<> timer_start;
  Operation<double*> timer_stop;

  Operation<int64_t, void**, void**> allocate;  // bytes; data, and what release() is to be given
  void (*release)(void* self, void* allocation);
  Operation<const void*, int64_t> expect_own_memory;  // fails unless all of it is memory of the device
  Operation<void*, const void*, int64_t> upload;      // to the device, from the host, bytes
  Operation<const void*, void*, int64_t> download;
  Operation<const sy_tensor&, const sy_tensor&> copy;  // from, to
  Operation<const sy_tensor&> zero;

  Operation<int64_t, int64_t, sy_dtype, sy_weight**> create_weight;
  void (*destroy_weight)(void* self, sy_weight* weight);
  Operation<sy_weight&, int64_t, const sy_tensor&> set_rows;
  Operation<sy_weight&, int64_t, const sy_quantized&> set_quantized_rows;

  Operation<const sy_linear_args&> linear;
  Operation<const sy_embedding_args&> embedding;
  Operation<const sy_gather_rows_args&> gather_rows;
  Operation<const sy_layer_norm_args&> layer_norm;
  Operation<const sy_rms_norm_args&> rms_norm;
  Operation<const sy_swiglu_args&> swiglu;
  Operation<const sy_gmu_args&> gmu;
  Operation<const sy_causal_conv1d_args&> causal_conv1d;
  Operation<const sy_selective_scan_args&> selective_scan;
  Operation<const sy_kv_append_args&> kv_append;
  Operation<const sy_kv_read_args&> kv_read;
  Operation<const sy_attention_args&> attention;
  Operation<const sy_diff_attention_args&> diff_attention;
  Operation<const sy_rope_args&> rope;
  Operation<const sy_sample_args&> sample;

  Operation<> graph_begin;
  Operation<void**> graph_end;
  Operation<void*> graph_launch;
  void (*graph_destroy)(void* self, void* graph);

  Operation<double, sy_limits*> measure_limits;
};

namespace detail {

// A method of a processor as a plain function.
template <auto method>
struct Adapted;

template <class P, class... Args, void (P::*method)(Args...)>
struct Adapted<method> {
  static sy_status call(void* self, ErrorText& error, Args... args) noexcept {
    try {
      (static_cast<P*>(self)->*method)(args...);
      return SY_OK;
    } catch (...) {
      return describe_current_exception(error.text);
    }
  }
  static void call_quietly(void* self, Args... args) noexcept { (static_cast<P*>(self)->*method)(args...); }
};

template <class P, class Result, Result (P::*method)() const>
struct Adapted<method> {
  static Result call(const void* self) noexcept { return (static_cast<const P*>(self)->*method)(); }
};

}  // namespace detail

// The table of a class that has a method for every operation, named as in the table.
template <class P>
constexpr ProcessorTable processor_table() {
  using detail::Adapted;
  return {
      SY_ABI_VERSION,
      [](void* self) { delete static_cast<P*>(self); },
      Adapted<&P::description>::call,
      Adapted<&P::target>::call,
      Adapted<&P::threads>::call,
      [](void* self) { return static_cast<P*>(self)->stream(); },
      Adapted<&P::after_stream>::call,
      Adapted<&P::before_stream>::call,
      Adapted<&P::memory>::call,
      Adapted<&P::synchronize>::call,
      Adapted<&P::timer_start>::call,
      Adapted<&P::timer_stop>::call,
      Adapted<&P::allocate>::call,
      Adapted<&P::release>::call_quietly,
      Adapted<&P::expect_own_memory>::call,
      Adapted<&P::upload>::call,
      Adapted<&P::download>::call,
      Adapted<&P::copy>::call,
      Adapted<&P::zero>::call,
      Adapted<&P::create_weight>::call,
      Adapted<&P::destroy_weight>::call_quietly,
      Adapted<&P::set_rows>::call,
      Adapted<&P::set_quantized_rows>::call,
      Adapted<&P::linear>::call,
      Adapted<&P::embedding>::call,
      Adapted<&P::gather_rows>::call,
      Adapted<&P::layer_norm>::call,
      Adapted<&P::rms_norm>::call,
      Adapted<&P::swiglu>::call,
      Adapted<&P::gmu>::call,
      Adapted<&P::causal_conv1d>::call,
      Adapted<&P::selective_scan>::call,
      Adapted<&P::kv_append>::call,
      Adapted<&P::kv_read>::call,
      Adapted<&P::attention>::call,
      Adapted<&P::diff_attention>::call,
      Adapted<&P::rope>::call,
      Adapted<&P::sample>::call,
      Adapted<&P::graph_begin>::call,
      Adapted<&P::graph_end>::call,
      Adapted<&P::graph_launch>::call,
      Adapted<&P::graph_destroy>::call_quietly,
      Adapted<&P::measure_limits>::call,
  };
}

// What a library with another kind of processor shows: one function of this type, named sambay_cuda_processor. Makes
// the processor for a target of sy_device_create.
using MakeProcessor = sy_status (*)(const char* target, const ProcessorTable** table, void** self, ErrorText& error);

}  // namespace sambay

#endif  // SAMBAY_API_PROCESSOR_H_

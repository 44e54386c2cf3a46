#include "api/device.h"

using sambay::Dim;
namespace check = sambay::check;

sy_status sy_causal_conv1d(sy_device* device, const sy_causal_conv1d_args* args) {
  return sambay::entry_on("causal_conv1d", device, args, [&] {
    Dim tokens{"tokens"}, inner{"inner"}, taps{"taps"};
    check::matrix("x", args->x, tokens, inner);
    check::matrix("weight", args->weight, taps, inner, sambay::kF32Only);
    check::range("taps", taps.value, 2, INT32_MAX);
    check::optional_vector("bias", args->bias, inner);
    check::matrix("y", args->y, tokens, inner);
    Dim kept{"taps - 1", taps.value - 1};
    int64_t slots =
        check::stacked("tail", args->tail, "slots", kept, inner, sambay::kF32Only | sambay::only(args->x->dtype));
    check::batch(args->batch, tokens);
    check::slots(*args->batch, slots);
    for (const sy_tensor* written : {args->y, args->tail}) {
      const char* name = written == args->y ? "y" : "tail";
      check::disjoint(name, written, "x", args->x);
      check::disjoint(name, written, "weight", args->weight);
      check::disjoint(name, written, "bias", args->bias);
    }
    check::disjoint("y", args->y, "tail", args->tail);
    device->call(device->table.causal_conv1d, *args);
  });
}

sy_status sy_selective_scan(sy_device* device, const sy_selective_scan_args* args) {
  return sambay::entry_on("selective_scan", device, args, [&] {
    Dim tokens{"tokens"}, inner{"inner"}, state{"state"};
    check::matrix("x", args->x, tokens, inner);
    check::matrix("delta", args->delta, tokens, inner);
    check::optional_vector("delta_bias", args->delta_bias, inner);
    check::matrix("a", args->a, state, inner, sambay::kF32Only);
    check::matrix("b", args->b, tokens, state);
    check::matrix("c", args->c, tokens, state);
    check::optional_vector("d", args->d, inner);
    check::optional_matrix("z", args->z, tokens, inner);
    int64_t slots = check::stacked("state", args->state, "slots", state, inner, sambay::kF32Only);
    if (args->y == nullptr && args->y_ungated == nullptr) {
      throw sambay::Failure(SY_ERR_ARGUMENT, "y and y_ungated are both null, expected at least one");
    }
    check::optional_matrix("y", args->y, tokens, inner);
    check::optional_matrix("y_ungated", args->y_ungated, tokens, inner);
    check::batch(args->batch, tokens);
    check::slots(*args->batch, slots);

    check::same_or_disjoint("y", args->y, "x", args->x);
    check::disjoint("y_ungated", args->y_ungated, "x", args->x);
    check::disjoint("state", args->state, "x", args->x);
    for (const sy_tensor* written : {args->y, args->y_ungated, args->state}) {
      const char* name = written == args->state ? "state" : written == args->y ? "y" : "y_ungated";
      check::disjoint(name, written, "delta", args->delta);
      check::disjoint(name, written, "delta_bias", args->delta_bias);
      check::disjoint(name, written, "a", args->a);
      check::disjoint(name, written, "b", args->b);
      check::disjoint(name, written, "c", args->c);
      check::disjoint(name, written, "d", args->d);
      check::disjoint(name, written, "z", args->z);
    }
    check::disjoint("y", args->y, "y_ungated", args->y_ungated);
    check::disjoint("y", args->y, "state", args->state);
    check::disjoint("y_ungated", args->y_ungated, "state", args->state);
    device->call(device->table.selective_scan, *args);
  });
}

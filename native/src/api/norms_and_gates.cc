#include "api/device.h"

using sambay::Dim;
namespace check = sambay::check;

sy_status sy_layer_norm(sy_device* device, const sy_layer_norm_args* args) {
  return sambay::entry_on("layer_norm", device, args, [&] {
    Dim tokens{"tokens"}, features{"features"};
    check::matrix("x", args->x, tokens, features);
    check::vector("weight", args->weight, features);
    check::vector("bias", args->bias, features);
    check::matrix("y", args->y, tokens, features);
    check::same_or_disjoint("y", args->y, "x", args->x);
    check::disjoint("y", args->y, "weight", args->weight);
    check::disjoint("y", args->y, "bias", args->bias);
    check::eps(args->eps);
    device->call(device->table.layer_norm, *args);
  });
}

sy_status sy_rms_norm(sy_device* device, const sy_rms_norm_args* args) {
  return sambay::entry_on("rms_norm", device, args, [&] {
    Dim tokens{"tokens"}, features{"features"};
    check::matrix("x", args->x, tokens, features);
    check::vector("weight", args->weight, features);
    check::matrix("y", args->y, tokens, features);
    check::same_or_disjoint("y", args->y, "x", args->x);
    check::disjoint("y", args->y, "weight", args->weight);
    check::eps(args->eps);
    device->call(device->table.rms_norm, *args);
  });
}

sy_status sy_swiglu(sy_device* device, const sy_swiglu_args* args) {
  return sambay::entry_on("swiglu", device, args, [&] {
    Dim tokens{"tokens"}, features{"features"};
    check::matrix("y", args->y, tokens, features);
    check::range("features", features.value, 1, INT64_MAX / 2);
    Dim both{"2 * features", 2 * features.value};
    check::matrix("gate_up", args->gate_up, tokens, both);
    check::disjoint("y", args->y, "gate_up", args->gate_up);
    device->call(device->table.swiglu, *args);
  });
}

sy_status sy_gmu(sy_device* device, const sy_gmu_args* args) {
  return sambay::entry_on("gmu", device, args, [&] {
    Dim tokens{"tokens"}, inner{"inner"};
    check::matrix("gate", args->gate, tokens, inner);
    check::matrix("memory", args->memory, tokens, inner);
    check::optional_vector("norm_weight", args->norm_weight, inner);
    check::matrix("y", args->y, tokens, inner);
    check::same_or_disjoint("y", args->y, "gate", args->gate);
    check::disjoint("y", args->y, "memory", args->memory);
    check::disjoint("y", args->y, "norm_weight", args->norm_weight);
    if (args->norm_weight != nullptr) {
      check::eps(args->eps);
      check::divisor("norm_groups", args->norm_groups, inner);
    }
    device->call(device->table.gmu, *args);
  });
}

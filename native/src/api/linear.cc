#include "api/device.h"

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

namespace {

// What becomes of a product, and y, whose shape depends on it.
void check_gate(const sy_linear_args& args, Dim& tokens, Dim& outputs) {
  switch (args.flags) {
    case 0:
    case SY_LINEAR_ACCUMULATE:
      check::matrix("y", args.y, tokens, outputs);
      break;
    case SY_LINEAR_SWIGLU: {
      check::multiple("outputs", outputs.value, 2);
      Dim features{"outputs / 2", outputs.value / 2};
      check::matrix("y", args.y, tokens, features);
      break;
    }
    case SY_LINEAR_GMU:
      check::matrix("y", args.y, tokens, outputs);
      check::matrix("memory", args.memory, tokens, outputs);
      check::disjoint("y", args.y, "memory", args.memory);
      return;
    default:
      throw Failure(SY_ERR_ARGUMENT, "flags is %u, expected 0 or one of ACCUMULATE, SWIGLU, GMU", args.flags);
  }
  if (args.memory != nullptr) {
    throw Failure(SY_ERR_ARGUMENT, "memory is given, expected it with SY_LINEAR_GMU only");
  }
}

}  // namespace

sy_status sy_linear(sy_device* device, const sy_linear_args* args) {
  return sambay::entry_on("linear", device, args, [&] {
    check::not_null("weight", args->weight);
    check::belongs("weight", args->weight->device, device);
    Dim tokens{"tokens"}, inputs{"inputs", args->weight->cols}, outputs{"outputs", args->weight->rows};
    check::matrix("x", args->x, tokens, inputs);
    if (args->norm != nullptr) {
      check::vector("norm.weight", args->norm->weight, inputs);
      check::optional_vector("norm.bias", args->norm->bias, inputs);
      check::eps(args->norm->eps);
      check::dtype("norm.dtype", args->norm->dtype, sambay::kAnyDtype);
    }
    check::optional_vector("bias", args->bias, outputs);
    check_gate(*args, tokens, outputs);
    check::disjoint("y", args->y, "x", args->x);
    check::disjoint("y", args->y, "bias", args->bias);
    device->call(device->table.linear, *args);
  });
}

sy_status sy_embedding(sy_device* device, const sy_embedding_args* args) {
  return sambay::entry_on("embedding", device, args, [&] {
    check::not_null("table", args->table);
    check::belongs("table", args->table->device, device);
    Dim tokens{"tokens"}, hidden{"hidden", args->table->cols};
    check::matrix("y", args->y, tokens, hidden);
    check::indices("ids", args->ids, tokens.value, args->table->rows);
    device->call(device->table.embedding, *args);
  });
}

sy_status sy_gather_rows(sy_device* device, const sy_gather_rows_args* args) {
  return sambay::entry_on("gather_rows", device, args, [&] {
    Dim tokens{"tokens"}, n{"n"}, features{"features"};
    check::matrix("x", args->x, tokens, features);
    check::matrix("y", args->y, n, features, sambay::only(args->x->dtype));
    check::indices("rows", args->rows, n.value, tokens.value);
    check::disjoint("y", args->y, "x", args->x);
    device->call(device->table.gather_rows, *args);
  });
}

#include "api/device.h"

using sambay::Dim;
namespace check = sambay::check;

sy_status sy_linear(sy_device* device, const sy_linear_args* args) {
  return sambay::entry_on("linear", device, args, [&] {
    check::not_null("weight", args->weight);
    Dim tokens{"tokens"}, inputs{"inputs", args->weight->cols}, outputs{"outputs", args->weight->rows};
    check::matrix("x", args->x, tokens, inputs);
    check::optional_vector("bias", args->bias, outputs);
    check::matrix("y", args->y, tokens, outputs);
    check::disjoint("y", args->y, "x", args->x);
    check::disjoint("y", args->y, "bias", args->bias);
    check::range("flags", args->flags, 0, SY_LINEAR_ACCUMULATE);
    device->ops.linear(device->pool, *args);
  });
}

sy_status sy_embedding(sy_device* device, const sy_embedding_args* args) {
  return sambay::entry_on("embedding", device, args, [&] {
    check::not_null("table", args->table);
    Dim tokens{"tokens"}, hidden{"hidden", args->table->cols};
    check::matrix("y", args->y, tokens, hidden);
    check::indices("ids", args->ids, tokens.value, args->table->rows);
    device->ops.embedding(device->pool, *args);
  });
}

sy_status sy_gather_rows(sy_device* device, const sy_gather_rows_args* args) {
  return sambay::entry_on("gather_rows", device, args, [&] {
    Dim tokens{"tokens"}, n{"n"}, features{"features"};
    check::matrix("x", args->x, tokens, features);
    check::matrix("y", args->y, n, features, sambay::only(args->x->dtype));
    check::indices("rows", args->rows, n.value, tokens.value);
    check::disjoint("y", args->y, "x", args->x);
    device->ops.gather_rows(device->pool, *args);
  });
}

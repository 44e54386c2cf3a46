#include <cinttypes>

#include "api/device.h"

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

namespace {

// What sy_attention and sy_diff_attention have in common, their argument structs included.
template <class Args>
void check_attention(const Args& args) {
  check::range("heads", args.heads, 1, INT32_MAX);
  check::range("kv_heads", args.kv_heads, 1, INT32_MAX);
  check::range("head_dim", args.head_dim, 1, INT32_MAX);
  check::range("window", args.window, 0, INT32_MAX);
  check::finite("scale", args.scale);
  if (args.heads % args.kv_heads != 0) {
    throw Failure(SY_ERR_SHAPE, "heads is %d, expected a multiple of kv_heads=%d", args.heads, args.kv_heads);
  }
  Dim tokens{"tokens"};
  Dim features{"heads * head_dim", int64_t{args.heads} * args.head_dim};
  Dim kv_features{"kv_heads * head_dim", int64_t{args.kv_heads} * args.head_dim};
  check::matrix("q", args.q, tokens, features);
  check::matrix("y", args.y, tokens, features);
  check::disjoint("y", args.y, "q", args.q);
  check::batch(args.batch, tokens);
  if ((args.k == nullptr) != (args.v == nullptr)) {
    throw Failure(SY_ERR_ARGUMENT, "%s is null and %s is not, expected both or none", args.k == nullptr ? "k" : "v",
                  args.k == nullptr ? "v" : "k");
  }
  bool own_keys = args.k != nullptr;
  if (own_keys) {
    check::matrix("k", args.k, tokens, kv_features);
    check::matrix("v", args.v, tokens, kv_features);
    check::disjoint("y", args.y, "k", args.k);
    check::disjoint("y", args.y, "v", args.v);
  }
  if (args.kv != nullptr) {
    check::kv(args.kv, kv_features);
    check::disjoint("y", args.y, "kv.keys", &args.kv->keys);
    check::disjoint("y", args.y, "kv.values", &args.kv->values);
  } else if (!own_keys) {
    throw Failure(SY_ERR_ARGUMENT, "kv, k and v are null, expected keys from somewhere");
  }
  check::attention_keys(*args.batch, args.kv, own_keys, args.window);
}

}  // namespace

sy_status sy_kv_append(sy_device* device, const sy_kv_append_args* args) {
  return sambay::entry_on("kv_append", device, args, [&] {
    Dim tokens{"tokens"}, features{"kv_heads * head_dim"};
    check::matrix("k", args->k, tokens, features);
    check::matrix("v", args->v, tokens, features);
    check::kv(args->kv, features);
    for (const sy_tensor* from : {args->k, args->v}) {
      const char* name = from == args->k ? "k" : "v";
      check::disjoint("kv.keys", &args->kv->keys, name, from);
      check::disjoint("kv.values", &args->kv->values, name, from);
    }
    check::batch(args->batch, tokens);
    check::append_positions(*args->batch, *args->kv);
    device->call(device->table.kv_append, *args);
  });
}

sy_status sy_kv_read(sy_device* device, const sy_kv_read_args* args) {
  return sambay::entry_on("kv_read", device, args, [&] {
    Dim n{"n"}, features{"kv_heads * head_dim"};
    check::kv(args->kv, features);
    check::matrix("k", args->k, n, features);
    check::matrix("v", args->v, n, features);
    check::disjoint("k", args->k, "v", args->v);
    for (const sy_tensor* to : {args->k, args->v}) {
      const char* name = to == args->k ? "k" : "v";
      check::disjoint(name, to, "kv.keys", &args->kv->keys);
      check::disjoint(name, to, "kv.values", &args->kv->values);
    }
    check::range("sequence", args->sequence, 0, INT32_MAX);
    check::range("first", args->first, 0, INT32_MAX - n.value);
    check::kv_positions(*args->kv, args->sequence, args->first, args->first + n.value);
    device->call(device->table.kv_read, *args);
  });
}

sy_status sy_attention(sy_device* device, const sy_attention_args* args) {
  return sambay::entry_on("attention", device, args, [&] {
    check_attention(*args);
    device->call(device->table.attention, *args);
  });
}

sy_status sy_diff_attention(sy_device* device, const sy_diff_attention_args* args) {
  return sambay::entry_on("diff_attention", device, args, [&] {
    if (args->heads % 2 != 0 || args->kv_heads % 2 != 0) {
      throw Failure(SY_ERR_SHAPE, "heads is %d and kv_heads is %d, expected even numbers: heads come in pairs",
                    args->heads, args->kv_heads);
    }
    check_attention(*args);
    Dim pair{"2 * head_dim", 2 * int64_t{args->head_dim}};
    check::vector("subln_weight", args->subln_weight, pair);
    check::disjoint("y", args->y, "subln_weight", args->subln_weight);
    check::finite("lambda", args->lambda);
    check::finite("out_scale", args->out_scale);
    check::eps(args->eps);
    device->call(device->table.diff_attention, *args);
  });
}

sy_status sy_rope(sy_device* device, const sy_rope_args* args) {
  return sambay::entry_on("rope", device, args, [&] {
    Dim tokens{"tokens"}, features{"heads * head_dim"}, positions{"positions"}, half{"r / 2"};
    check::matrix("x", args->x, tokens, features);
    check::divisor("head_dim", args->head_dim, features);
    check::matrix("cos", args->cos, positions, half, sambay::kF32Only);
    check::matrix("sin", args->sin, positions, half, sambay::kF32Only);
    if (half.value > args->head_dim / 2) {
      throw Failure(SY_ERR_SHAPE, "cos has %" PRId64 " columns, expected at most half of head_dim=%d", half.value,
                    args->head_dim);
    }
    check::disjoint("x", args->x, "cos", args->cos);
    check::disjoint("x", args->x, "sin", args->sin);
    check::batch(args->batch, tokens);
    check::rope_positions(*args->batch, positions.value);
    device->call(device->table.rope, *args);
  });
}

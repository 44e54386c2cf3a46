#include "api/device.h"

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

namespace {

constexpr int64_t kMostTokens = int64_t{1} << 20;  // so that sums of weights stay below 2^63; see docs/sampling.md

}  // namespace

sy_status sy_sample(sy_device* device, const sy_sample_args* args) {
  return sambay::entry_on("sample", device, args, [&] {
    Dim n{"n"}, vocabulary{"vocabulary"};
    check::matrix("logits", args->logits, n, vocabulary, sambay::kF32Only);
    check::range("vocabulary", vocabulary.value, 1, kMostTokens);
    check::not_null("token", args->token);
    check::not_null("random", args->random);
    check::numbers("temperature", args->temperature, n.value, 0, 2);
    check::numbers("top_p", args->top_p, n.value, 0, 1);
    check::numbers("min_p", args->min_p, n.value, 0, 1);
    check::indices("top_k", args->top_k, n.value, kMostTokens + 1);
    device->call(device->table.sample, *args);
  });
}

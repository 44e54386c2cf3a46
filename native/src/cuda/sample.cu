#include <algorithm>

#include "cuda/kernels/sample_row.cuh"
#include "cuda/ops.h"
#include "cuda/views.h"

namespace sambay::cuda {
namespace {

// So many rows share the working memory, 12 bytes for each of their logits; further ones wait their turn.
constexpr int64_t kRowsAtOnce = 16;

}  // namespace

void sample(Queue& queue, const sy_sample_args& args) {
  const int64_t n = args.logits->rows, vocabulary = args.logits->cols;
  const int64_t blocks = ceil_div(vocabulary, kSampleTokens), rows = std::min(n, kRowsAtOnce);
  SampleParams params{};
  params.stride = args.logits->stride;
  params.vocabulary = static_cast<int32_t>(vocabulary);
  params.blocks = static_cast<int32_t>(blocks);
  params.parts = queue.scratch_of<SamplePart>(rows * blocks);
  params.state = queue.scratch_of<SampleRow>(rows);
  params.weights = queue.scratch_of<uint64_t>(rows * vocabulary);
  params.bins = queue.scratch_of<uint32_t>(rows * 3 * kBins);
  params.ids = queue.scratch_of<uint32_t>(rows * vocabulary);
  params.block_sums = queue.scratch_of<uint64_t>(rows * blocks);
  params.arrivals = queue.counters(rows);

  const auto* temperature = queue.input(args.temperature, n);
  const auto* top_k = queue.input(args.top_k, n);
  const auto* top_p = queue.input(args.top_p, n);
  const auto* min_p = queue.input(args.min_p, n);
  const auto* random = queue.input(args.random, n);
  auto* token = queue.output(args.token, n);
  auto* log_probability = args.log_probability == nullptr ? nullptr : queue.output(args.log_probability, n);
  // A graph reads the temperatures again at each launch, so that it needs all of the launches.
  const bool greedy =
      !queue.capturing() && std::all_of(args.temperature, args.temperature + n, [](double t) { return t == 0; });

  for (int64_t first = 0; first < n; first += rows) {
    params.logits = floats_of(args.logits) + first * params.stride;
    params.temperature = temperature + first;
    params.top_k = top_k + first;
    params.top_p = top_p + first;
    params.min_p = min_p + first;
    params.random = random + first;
    params.token = token + first;
    params.log_probability = log_probability == nullptr ? nullptr : log_probability + first;
    const int64_t grid = std::min(rows, n - first) * blocks;
    queue.launch(sample_best, grid, kSampleThreads, kBestShared, params);
    if (greedy) continue;
    queue.zero(params.bins, rows * 3 * kBins * 4);
    queue.launch(sample_weigh, grid, kSampleThreads, kBinsShared, params);
    queue.launch(sample_narrow, grid, kSampleThreads, kNarrowShared, NarrowParams{params, kTopK});
    queue.launch(sample_narrow, grid, kSampleThreads, kNarrowShared, NarrowParams{params, kTopP});
    queue.launch(sample_draw, grid, kSampleThreads, kSampleRest, params);
  }
}

}  // namespace sambay::cuda

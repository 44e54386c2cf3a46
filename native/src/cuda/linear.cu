// linear and embedding: which kernel takes which product.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cuda/kernels/linear_decode.cuh"
#include "cuda/kernels/linear_embedding.cuh"
#include "cuda/kernels/linear_gemm.cuh"
#include "cuda/kernels/linear_general.cuh"
#include "cuda/kernels/linear_norm.cuh"
#include "cuda/kernels/linear_warpgroup.cuh"
#include "cuda/linear.h"
#include "cuda/ops.h"
#include "cuda/weight.h"

namespace sambay::cuda {

using namespace linear_kernels;

namespace {

// So much of x may stay in shared memory, in all blocks: there is room for two blocks then. So many rows are normalised
// there: for more of them a launch of its own is cheaper.
constexpr int64_t kMostKeptBytes = 28 << 10;
constexpr int kMostNormsInside = 4;
// Up to here rows are taken for those of a decode step, beyond for those of a prompt.
constexpr int kMostDecodeTokens = 64;
// Whether prompts of bf16 and f16 weights go through wgmma where the card has it, by SAMBAY_CUDA_WARPGROUP_LINEAR. Off
// until a GPU has run and timed it beside mma.sync. kAlways, for tests, takes any number of rows.
enum class Warpgroups { kNever, kWhereTheyFill, kAlways };
Warpgroups warpgroups_wanted() {
  static const Warpgroups wanted = [] {
    const char* value = std::getenv("SAMBAY_CUDA_WARPGROUP_LINEAR");
    if (value == nullptr) return Warpgroups::kNever;
    return std::strcmp(value, "always") == 0 ? Warpgroups::kAlways
           : std::strcmp(value, "1") == 0    ? Warpgroups::kWhereTheyFill
                                             : Warpgroups::kNever;
  }();
  return wanted;
}
constexpr int kFewestWarpgroupTokens = 512;
// Fewer chunks than these per warp are not worth a block.
constexpr int kFewestChunks = 2;

MatrixView view(const sy_tensor& tensor) { return {tensor.data, tensor.dtype, tensor.stride}; }
const float* vector(const sy_tensor* tensor) {
  return tensor == nullptr ? nullptr : static_cast<const float*>(tensor->data);
}

// A product on its way to a kernel.
struct Product {
  PackedWeight w;
  MatrixView x;
  int x_cols;  // of x, those from w.cols on being zero
  Norm norm;   // still to be applied to x
  sy_dtype norm_dtype;
  Epilogue epilogue;

  sy_dtype type() const { return norm.weight != nullptr ? norm_dtype : x.dtype; }
  int tokens() const { return epilogue.tokens; }
};

Product product_of(const sy_linear_args& args) {
  const PackedWeight& w = cuda_weight(args.weight).packed;
  Epilogue epilogue{view(*args.y),
                    {},
                    vector(args.bias),
                    Gate::kNone,
                    static_cast<int>(args.x->rows),
                    static_cast<int>(args.y->cols)};
  if (args.flags == SY_LINEAR_ACCUMULATE) epilogue.gate = Gate::kAccumulate;
  if (args.flags == SY_LINEAR_SWIGLU) epilogue.gate = Gate::kSwiglu;
  if (args.flags == SY_LINEAR_GMU) {
    epilogue.gate = Gate::kGmu;
    epilogue.memory = view(*args.memory);
  }
  Norm norm{};
  if (args.norm != nullptr) norm = {vector(args.norm->weight), vector(args.norm->bias), args.norm->eps};
  return {w, view(*args.x), w.cols, norm, args.norm != nullptr ? args.norm->dtype : SY_F32, epilogue};
}

// x normalised, in rows of whole chunks that kernels can copy 16 bytes at a time.
void normalize(Queue& queue, Product& product) {
  const int depth = product.w.chunks * kChunk;
  const sy_dtype type = product.type();
  MatrixView y{queue.scratch(static_cast<int64_t>(product.tokens()) * depth * (type == SY_F32 ? 4 : 2)), type, depth};
  queue.launch(linear_norm, product.tokens(), kNormThreads, kNormSharedBytes,
               NormParams{product.x, y, product.norm, product.w.cols, depth});
  product.x = y;
  product.x_cols = depth;
  product.norm = {};
}

// Rows that asynchronous copies can take.
void align(Queue& queue, Product& product) {
  const bool aligned_rows =
      reinterpret_cast<uintptr_t>(product.x.data) % 16 == 0 && product.x.stride % 8 == 0 && product.x_cols % 8 == 0;
  if (product.norm.weight != nullptr || !aligned_rows) normalize(queue, product);
}

int units_of(const Product& product) {
  const int blocks = product.epilogue.gate == Gate::kSwiglu ? product.w.row_blocks / 2 : product.w.row_blocks;
  const int per_unit = product.epilogue.gate == Gate::kSwiglu ? kUnitBlocks / 2 : kUnitBlocks;
  return (blocks + per_unit - 1) / per_unit;
}

void general(Queue& queue, Product product) {
  if (product.norm.weight != nullptr) normalize(queue, product);
  const int per_block = product.epilogue.gate == Gate::kSwiglu ? kGeneralRows / 2 : kGeneralRows;
  const int blocks = (product.epilogue.outputs + per_block - 1) / per_block;
  const GeneralParams params{product.w, product.x, product.epilogue};
  if (product.tokens() <= 16) {
    queue.launch(linear_general<1>, {blocks, 1}, kGeneralThreads, general_shared_bytes(1), params);
  } else {
    queue.launch(linear_general<4>, {blocks, (product.tokens() + 63) / 64}, kGeneralThreads, general_shared_bytes(4),
                 params);
  }
}

template <class F, int kTiles, bool kKeepX>
bool decode(Queue& queue, const Product& product, int64_t more_shared) {
  const int64_t shared = DecodeShape<F, kTiles, kKeepX>::kX + more_shared;
  if (shared > queue.properties().shared_bytes_per_block) return false;
  const int units = units_of(product), line = units * product.w.chunks;
  // The same for any number of tokens.
  const int blocks = std::clamp(line / (kFewestChunks * kDecodeWarps), 1, 2 * queue.properties().multiprocessors);
  auto* partials = queue.scratch_of<float>(static_cast<int64_t>(blocks) * 2 * kTiles * 8 * kUnitRows);
  queue.launch(linear_decode<F, kTiles, kKeepX>, blocks, kDecodeThreads, shared,
               DecodeParams{product.w, product.x, product.norm, product.x_cols / 8, product.epilogue, units, partials,
                            queue.counters(units)});
  return true;
}

template <class F>
bool decode(Queue& queue, Product& product) {
  const bool norm = product.norm.weight != nullptr;
  const int64_t kept = kept_bytes(product.tokens(), product.w.chunks * kChunk);
  const bool fits =
      kept <= kMostKeptBytes && DecodeShape<F, 1, true>::kX + kept <= queue.properties().shared_bytes_per_block;
  if (product.tokens() <= 8 && fits && (!norm || product.tokens() <= kMostNormsInside)) {
    return decode<F, 1, true>(queue, product, kept);
  }
  align(queue, product);
  if (product.tokens() <= 8) return decode<F, 1, false>(queue, product, 0);
  if (product.tokens() <= 16) return decode<F, 2, false>(queue, product, 0);
  return decode<F, 8, false>(queue, product, 0);
}

// Into how many parts the columns are cut. For prompts as the shape of W says; for a few hundred rows, which are large
// batches of a decode step, so that one row of tiles fills the device.
int splits_of(const Queue& queue, int row_tiles, int chunks, int tokens) {
  constexpr int kMostSplits = 8, kFewestSplitChunks = 8, kSmallBatch = 256;
  int splits = row_tiles <= 2 ? kMostSplits : 1;
  if (tokens <= kSmallBatch) splits = std::max(splits, queue.properties().multiprocessors / row_tiles);
  return std::max(1, std::min({splits, kMostSplits, chunks / kFewestSplitChunks}));
}

template <class F>
void gemm(Queue& queue, Product& product) {
  align(queue, product);
  const int row_tiles = (units_of(product) + kGemmUnits - 1) / kGemmUnits;
  const int token_tiles = (product.tokens() + kGemmTokens - 1) / kGemmTokens;
  const int splits = splits_of(queue, row_tiles, product.w.chunks, product.tokens());
  const int64_t tiles = static_cast<int64_t>(row_tiles) * token_tiles;
  float* partials = splits > 1 ? queue.scratch_of<float>(tiles * splits * kGemmTile) : nullptr;
  uint32_t* counters = splits > 1 ? queue.counters(tiles) : nullptr;
  queue.launch(linear_gemm<F>, tiles * splits, kGemmThreads, GemmShape<F>::kBytes,
               GemmParams{product.w, product.x, product.x_cols / 8, product.epilogue, row_tiles, token_tiles, splits,
                          partials, counters});
}

template <class Activation>
bool warpgroups(Queue& queue, Product& product) {
  if (queue.properties().capability != 90 || product.w.chunks % kWarpgroupChunks != 0) return false;
  align(queue, product);
  const int row_tiles = (units_of(product) + kWarpgroupUnits - 1) / kWarpgroupUnits;
  const int token_tiles = (product.tokens() + kWarpgroupTokens - 1) / kWarpgroupTokens;
  const int blocks = std::min(row_tiles * token_tiles, queue.properties().multiprocessors);
  queue.launch(linear_warpgroup<Activation>, blocks, kWarpgroupThreads, WarpgroupShape::kBytes,
               GemmParams{product.w, product.x, product.x_cols / 8, product.epilogue, row_tiles, token_tiles, 1,
                          nullptr, nullptr});
  return true;
}

template <int storage, class Activation>
void on_tensor_cores(Queue& queue, Product product, bool with_warpgroups) {
  using F = Format<storage, Activation>;
  if (with_warpgroups) {
    if constexpr (!F::kQuantised) {
      if (warpgroups<Activation>(queue, product)) return;
    }
  }
  if (product.tokens() <= kMostDecodeTokens && decode<F>(queue, product)) return;
  gemm<F>(queue, product);
}

void linear(Queue& queue, const Product& product, bool with_warpgroups) {
  // The gates' row blocks and the ups' must begin at a row block.
  const bool paired = product.epilogue.gate == Gate::kSwiglu;
  if (paired && product.epilogue.outputs % kRowBlock != 0) return general(queue, product);
  const sy_dtype type = product.type();
  switch (product.w.storage) {
    case SY_BF16:
      if (type == SY_BF16) return on_tensor_cores<kBf16, bf16>(queue, product, with_warpgroups);
      break;
    case SY_F16:
      if (type == SY_F16) return on_tensor_cores<kF16, f16>(queue, product, with_warpgroups);
      break;
    case SY_INT8:
      if (type == SY_BF16) return on_tensor_cores<kInt8, bf16>(queue, product, with_warpgroups);
      if (type == SY_F16) return on_tensor_cores<kInt8, f16>(queue, product, with_warpgroups);
      break;
    case SY_INT4:
      if (type == SY_BF16) return on_tensor_cores<kInt4, bf16>(queue, product, with_warpgroups);
      if (type == SY_F16) return on_tensor_cores<kInt4, f16>(queue, product, with_warpgroups);
      break;
    default:
      break;
  }
  general(queue, product);
}

}  // namespace

void linear(Queue& queue, const sy_linear_args& args) {
  const Product product = product_of(args);
  const int64_t row_tiles = (units_of(product) + kWarpgroupUnits - 1) / kWarpgroupUnits;
  const int64_t tiles = row_tiles * ((product.tokens() + kWarpgroupTokens - 1) / kWarpgroupTokens);
  // With fewer tiles linear_gemm, which cuts the columns as well, keeps more of the card busy.
  const bool fills = product.tokens() >= kFewestWarpgroupTokens && 2 * tiles >= queue.properties().multiprocessors;
  const Warpgroups wanted = warpgroups_wanted();
  linear(queue, product, wanted == Warpgroups::kAlways || (wanted == Warpgroups::kWhereTheyFill && fills));
}

void linear_by_warpgroups(Queue& queue, const sy_linear_args& args) { linear(queue, product_of(args), true); }

void embedding(Queue& queue, const sy_embedding_args& args) {
  const PackedWeight& table = cuda_weight(args.table).packed;
  const int64_t tokens = args.y->rows;
  const int32_t* ids = queue.input(args.ids, tokens);
  queue.launch(linear_embedding, {tokens, (table.cols + kEmbeddingThreads - 1) / kEmbeddingThreads}, kEmbeddingThreads,
               0, EmbeddingParams{table, ids, view(*args.y)});
}

}  // namespace sambay::cuda

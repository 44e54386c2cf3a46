// Attention of single query rows: a decode step, and short chunks row by row.
//
// A block of 4 warps takes a run of 64-key tiles of one group and row, for kQueries queries of the group. Each byte of
// a key serves all queries of its map and each byte of a value all kMaps * kQueries rows of probabilities. A warp has
// 16 keys of the tile to itself: 8 lanes share a key, and each group of 8 lanes keeps a softmax of its own over the
// keys it meets (Milakov and Gimelshein 2018), so nothing is exchanged before the end. What a lane copies into shared
// memory is what the same lane reads: the copies run ahead without a barrier.
//
// The keys of a row are cut over `splits` blocks (flash decoding). The last block to arrive adds the partial results in
// the order of the splits. How many there are is a function of the row's own length and of the device: the result of a
// row does not depend on the rest of the batch.
//
// Bound by bytes: 4 * width bytes a key and group from memory. Differential, 20 KV heads of 64, batch 1, at 3.0 TB/s:
// 56 us at 32K keys. Issue slots, about 1,000 per warp and tile, are 40 % of that time on an H100.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_ATTENTION_DECODE_CUH_
#define SAMBAY_CUDA_KERNELS_ATTENTION_DECODE_CUH_

#include "cuda/kernels/attention_pairs.cuh"
#include "cuda/kernels/attention_params.cuh"

namespace sambay::cuda::attend {

// kWidth is 64 or 128 = kMaps * head_dim; with two maps each is 64 wide.
template <int kMaps, int kWidth, int kQueries>
struct DecodeShape {
  static constexpr int kThreads = 128;
  static constexpr int kWarps = kThreads / 32;
  static constexpr int kTile = 64;
  static constexpr int kSteps = kTile / kWarps / 4;  // a warp takes 4 keys at a step
  static constexpr int kPieces = kWidth / 64;        // of a key or a value that a lane reads, 16 bytes each
  static constexpr int kHeads = kMaps * kQueries;    // rows of probabilities
  static constexpr int kStages = 3;
  static constexpr int kStageBytes = kSteps * 2 * kPieces * 32 * 16;  // of a warp
  // In the end the same memory takes the sums of the 16 groups of lanes, their maxima and denominators, and more.
  static constexpr int kLaneGroups = kThreads / 8;
  static constexpr int kTops = kLaneGroups * kHeads * kWidth;  // in floats
  static constexpr int kTotals = kTops + kLaneGroups * kHeads;
  static constexpr int kReductions = kTotals + kLaneGroups * kHeads;
  static constexpr int kLoopBytes = kWarps * kStages * kStageBytes;
  static constexpr int kEndBytes = 4 * (kReductions + kQueries * kWarps);
  static constexpr int kSharedBytes = kLoopBytes > kEndBytes ? kLoopBytes : kEndBytes;
  // The result of a split in global memory: sums [kHeads, kWidth], maxima [kHeads], denominators [kHeads].
  static constexpr int kPartialFloats = kHeads * (kWidth + 2);
};

// Tiles a split has at least. More blocks share the latency of memory, fewer spend less on beginning and end: to be
// measured.
constexpr int kTilesPerSplit = 2;

constexpr float kLowest = -1e30f;  // not -infinity, which has no difference from itself

template <class T, int kMaps, int kWidth, int kQueries>
__global__ void __launch_bounds__(128) attention_decode(const __grid_constant__ AttentionParams p) {
  using Shape = DecodeShape<kMaps, kWidth, kQueries>;
  constexpr int kPieces = Shape::kPieces, kHeads = Shape::kHeads, kSteps = Shape::kSteps, kStages = Shape::kStages;
  constexpr int kTile = Shape::kTile;
  grid_dependency_wait();

  // Which row, group and queries, and which of its keys.
  const int32_t slot = static_cast<int32_t>(blockIdx.x) / p.splits;
  const int32_t split = static_cast<int32_t>(blockIdx.x) % p.splits;
  const int32_t s = slot / p.row_slots, row_of_sequence = slot % p.row_slots;
  const int32_t begin = p.seq_start[s], rows = p.seq_start[s + 1] - begin;
  if (rows < p.fewest_rows || rows > p.most_rows || row_of_sequence >= rows) return;
  const int32_t row = begin + row_of_sequence, first_own = p.position[s], position = first_own + row_of_sequence;
  const int32_t first = first_seen(p, position);
  const int32_t first_tile = first / kTile, tiles = position / kTile - first_tile + 1;
  const int32_t splits = min(p.splits, (tiles + kTilesPerSplit - 1) / kTilesPerSplit);
  if (split >= splits) return;
  const int32_t from_tile = first_tile + static_cast<int32_t>(static_cast<int64_t>(tiles) * split / splits);
  const int32_t end_tile = first_tile + static_cast<int32_t>(static_cast<int64_t>(tiles) * (split + 1) / splits);

  const int32_t group = static_cast<int32_t>(blockIdx.y) / p.query_blocks;
  const int32_t query = static_cast<int32_t>(blockIdx.y) % p.query_blocks * kQueries;
  const int64_t kv_column = static_cast<int64_t>(group) * kWidth;
  const int64_t q_column = (static_cast<int64_t>(group) * p.queries + query) * kWidth;

  const int thread = thread_index(), warp = warp_index(), lane = lane_index();
  const int lane_of_key = lane % 8, key_of_step = lane / 8;

  // A lane has columns 64 * piece + 8 * lane_of_key and the seven that follow: of q, keys, values and sums alike.
  float q[kQueries][kPieces][8];
#pragma unroll
  for (int i = 0; i < kQueries; ++i) {
#pragma unroll
    for (int piece = 0; piece < kPieces; ++piece) {
      load(p.q, row, q_column + i * kWidth + piece * 64 + lane_of_key * 8, q[i][piece]);
    }
  }

  uint4* const stages = shared_at<uint4>(warp * kStages * Shape::kStageBytes) + lane;
  const auto fetch = [&](int32_t tile) {
    if (tile < end_tile) {
      uint4* to = stages + (tile - from_tile) % kStages * (Shape::kStageBytes / 16);
      const int32_t mine = tile * kTile + warp * (kSteps * 4) + lane % (kSteps * 4);
      const int32_t found = mine >= first && mine <= position ? find_key(p, s, begin, first_own, mine) : kNowhere;
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        const int32_t place = shfl(found, step * 4 + key_of_step);
        const bool own = place < 0, there = place != kNowhere;
        const int64_t at = own ? ~place : place, column = kv_column + lane_of_key * 8;
        const View &keys = own ? p.own_keys : p.cached_keys, &values = own ? p.own_values : p.cached_values;
        const unsigned char* key = at_16_bits(keys, at, column);
        const unsigned char* value = at_16_bits(values, at, column);
        if (!there) key = value = p.q.data;  // an address that is not read
#pragma unroll
        for (int piece = 0; piece < kPieces; ++piece) {
          cp_async_16_if(to + (step * 2 * kPieces + piece) * 32, key + piece * 128, there);
          cp_async_16_if(to + (step * 2 * kPieces + kPieces + piece) * 32, value + piece * 128, there);
        }
      }
    }
    cp_async_commit();
  };

  const float scale = p.scale * kLog2E;
  float sums[kHeads][kPieces][8] = {}, top[kHeads], total[kHeads] = {};
#pragma unroll
  for (int head = 0; head < kHeads; ++head) top[head] = kLowest;

#pragma unroll
  for (int ahead = 0; ahead < kStages - 1; ++ahead) fetch(from_tile + ahead);
  for (int32_t tile = from_tile; tile < end_tile; ++tile) {
    fetch(tile + kStages - 1);
    cp_async_wait<kStages - 1>();
    const uint4* from = stages + (tile - from_tile) % kStages * (Shape::kStageBytes / 16);

    float scores[kSteps][kHeads];
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
#pragma unroll
      for (int head = 0; head < kHeads; ++head) scores[step][head] = 0;
#pragma unroll
      for (int piece = 0; piece < kPieces; ++piece) {
        float key[8];
        widen<T>(key, from[(step * 2 * kPieces + piece) * 32]);
#pragma unroll
        for (int i = 0; i < kQueries; ++i) {
          float& score = scores[step][kMaps == 2 ? 2 * i + piece : i];
#pragma unroll
          for (int e = 0; e < 8; ++e) score = fmaf(q[i][piece][e], key[e], score);
        }
      }
#pragma unroll
      for (int head = 0; head < kHeads; ++head) scores[step][head] = warp_sum<8>(scores[step][head]);
    }

    bool seen[kSteps];
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int32_t mine = tile * kTile + (warp * kSteps + step) * 4 + key_of_step;
      seen[step] = mine >= first && mine <= position;
    }
    float now[kHeads];
    bool rose = false;
#pragma unroll
    for (int head = 0; head < kHeads; ++head) {
      now[head] = top[head];
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        now[head] = max(now[head], seen[step] ? scores[step][head] * scale : kLowest);
      }
      rose = rose || now[head] > top[head];
    }
    if (any(rose)) {
#pragma unroll
      for (int head = 0; head < kHeads; ++head) {
        const float kept = exp2_approx(top[head] - now[head]);
        top[head] = now[head];
        total[head] *= kept;
#pragma unroll
        for (int piece = 0; piece < kPieces; ++piece) {
#pragma unroll
          for (int e = 0; e < 8; ++e) sums[head][piece][e] *= kept;
        }
      }
    }
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      float probability[kHeads];
#pragma unroll
      for (int head = 0; head < kHeads; ++head) {
        probability[head] = seen[step] ? exp2_approx(fmaf(scores[step][head], scale, -top[head])) : 0.0f;
        total[head] += probability[head];
      }
#pragma unroll
      for (int piece = 0; piece < kPieces; ++piece) {
        float value[8];
        widen<T>(value, from[(step * 2 * kPieces + kPieces + piece) * 32]);
#pragma unroll
        for (int head = 0; head < kHeads; ++head) {
#pragma unroll
          for (int e = 0; e < 8; ++e) {
            sums[head][piece][e] = fmaf(probability[head], value[e], sums[head][piece][e]);
          }
        }
      }
    }
  }
  grid_dependency_launch();

  // The 16 groups of lanes become one: from here on a thread has columns of the result.
  cp_async_wait_all();
  __syncthreads();
  float* const shared = shared_at<float>(0);
  const int lane_group = thread / 8;
#pragma unroll
  for (int head = 0; head < kHeads; ++head) {
#pragma unroll
    for (int piece = 0; piece < kPieces; ++piece) {
      const float(&v)[8] = sums[head][piece];
      float* to = shared + (lane_group * kHeads + head) * kWidth + piece * 64 + lane_of_key * 8;
      reinterpret_cast<float4*>(to)[0] = make_float4(v[0], v[1], v[2], v[3]);
      reinterpret_cast<float4*>(to)[1] = make_float4(v[4], v[5], v[6], v[7]);
    }
    if (lane_of_key == 0) {
      shared[Shape::kTops + lane_group * kHeads + head] = top[head];
      shared[Shape::kTotals + lane_group * kHeads + head] = total[head];
    }
  }
  __syncthreads();

  constexpr int kThreadsPerHead = kWidth;  // a thread keeps its column and takes every kHeadStep-th head
  constexpr int kHeadStep = Shape::kThreads / kThreadsPerHead;
  constexpr int kOutputs = (kHeads + kHeadStep - 1) / kHeadStep;
  const int column = thread % kThreadsPerHead, first_head = thread / kThreadsPerHead;
  float out[kOutputs], out_top[kOutputs], out_total[kOutputs];
#pragma unroll
  for (int i = 0; i < kOutputs; ++i) {
    const int head = first_head + i * kHeadStep;
    out[i] = out_total[i] = 0, out_top[i] = kLowest;
    if (head >= kHeads) continue;
    for (int g = 0; g < Shape::kLaneGroups; ++g) {
      out_top[i] = max(out_top[i], shared[Shape::kTops + g * kHeads + head]);
    }
    for (int g = 0; g < Shape::kLaneGroups; ++g) {
      const float weight = exp2_approx(shared[Shape::kTops + g * kHeads + head] - out_top[i]);
      out_total[i] = fmaf(weight, shared[Shape::kTotals + g * kHeads + head], out_total[i]);
      out[i] = fmaf(weight, shared[(g * kHeads + head) * kWidth + column], out[i]);
    }
  }

  if (splits > 1) {
    const int64_t unit = static_cast<int64_t>(slot) * gridDim.y + blockIdx.y;
    float* const partials = p.partials + unit * p.splits * Shape::kPartialFloats;
    float* const mine = partials + split * Shape::kPartialFloats;
#pragma unroll
    for (int i = 0; i < kOutputs; ++i) {
      const int head = first_head + i * kHeadStep;
      if (head >= kHeads) continue;
      mine[head * kWidth + column] = out[i];
      if (column == 0) {
        mine[kHeads * kWidth + head] = out_top[i];
        mine[kHeads * (kWidth + 1) + head] = out_total[i];
      }
    }
    if (!last_arriver(p.counters + unit, static_cast<uint32_t>(splits))) return;
#pragma unroll
    for (int i = 0; i < kOutputs; ++i) {
      const int head = first_head + i * kHeadStep;
      if (head >= kHeads) continue;
      out[i] = out_total[i] = 0, out_top[i] = kLowest;
      for (int j = 0; j < splits; ++j) {
        const float* part = partials + j * Shape::kPartialFloats;
        out_top[i] = max(out_top[i], load_coherent(part + kHeads * kWidth + head));
      }
      for (int j = 0; j < splits; ++j) {
        const float* part = partials + j * Shape::kPartialFloats;
        const float weight = exp2_approx(load_coherent(part + kHeads * kWidth + head) - out_top[i]);
        out_total[i] = fmaf(weight, load_coherent(part + kHeads * (kWidth + 1) + head), out_total[i]);
        out[i] = fmaf(weight, load_coherent(part + head * kWidth + column), out[i]);
      }
    }
  }

  if constexpr (kMaps == 2) {
    // Here kWidth is the number of threads: each has one column of every head.
    float difference[kQueries];
#pragma unroll
    for (int i = 0; i < kQueries; ++i) {
      difference[i] = out[2 * i] / out_total[2 * i] - p.lambda * (out[2 * i + 1] / out_total[2 * i + 1]);
      const float square = warp_sum(difference[i] * difference[i]);
      if (lane == 0) shared[Shape::kReductions + i * Shape::kWarps + warp] = square;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kQueries; ++i) {
      float square = 0;
#pragma unroll
      for (int w = 0; w < Shape::kWarps; ++w) square += shared[Shape::kReductions + i * Shape::kWarps + w];
      const float factor = p.out_scale / sqrtf(square / kWidth + p.eps);
      store_element(p.y, row, q_column + i * kWidth + column, difference[i] * factor * p.subln_weight[column]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kOutputs; ++i) {
      const int head = first_head + i * kHeadStep;
      if (head >= kHeads) continue;
      store_element(p.y, row, q_column + head * kWidth + column, out[i] / out_total[i]);
    }
  }
}

}  // namespace sambay::cuda::attend

#endif  // SAMBAY_CUDA_KERNELS_ATTENTION_DECODE_CUH_

// Selective scan of many rows per sequence with 16 states (prefill). Serial over time: kLanes lanes share a channel and
// keep 16 / kLanes of its states each in registers, kChannels channels make a block, 64 tokens a tile. x, delta, z, b
// and c arrive by asynchronous copies one tile ahead; softplus is computed once per channel and token.
//
// Bound by exponentials: per channel and token 16 of the states, 2 of softplus and 2 of the gate's SiLU, at 16 per
// clock and multiprocessor (1.25 clocks; bytes, 8 per channel and token in bf16, take half of that). For 5,120 channels
// on 132 multiprocessors of 1.755 GHz: 27.6 ns a token, 57 us for 2,048, 226 us for 8,192. Next come issue slots: the
// loop over the states takes about 150 instructions per 32 channel-tokens with 8 lanes and 110 with 4.
// Not yet run on a GPU.
#ifndef SAMBAY_CUDA_KERNELS_SCAN_CHUNK_CUH_
#define SAMBAY_CUDA_KERNELS_SCAN_CHUNK_CUH_

#include "cuda/kernels/scan_math.cuh"

namespace sambay::cuda {

// Two neighbouring elements, as f32.
template <class T>
struct ScanPair;
template <>
struct ScanPair<bf16> {
  using Word = uint32_t;
  static __device__ __forceinline__ float2 unpack(Word pair) { return make_float2(low_bf16(pair), high_bf16(pair)); }
  static __device__ __forceinline__ Word pack(float2 v) { return pack_bf16(v.x, v.y); }
};
template <>
struct ScanPair<f16> {
  using Word = uint32_t;
  static __device__ __forceinline__ float2 unpack(Word pair) { return make_float2(low_f16(pair), high_f16(pair)); }
  static __device__ __forceinline__ Word pack(float2 v) { return pack_f16(v.x, v.y); }
};
template <>
struct ScanPair<float> {
  using Word = float2;
  static __device__ __forceinline__ float2 unpack(Word pair) { return pair; }
  static __device__ __forceinline__ Word pack(float2 v) { return v; }
};

template <class T, int kLanes, int kChannels>
struct ScanChunk {
  static_assert(kLanes == 4 || kLanes == 8, "the tree of scan_math.cuh over the lanes");
  static_assert(kChannels % 8 == 0, "a warp takes 8 channels at a time before and after the recurrence");
  static constexpr int kStates = 16;
  static constexpr int kTokens = 64;
  static constexpr int kThreads = kChannels * kLanes;
  static constexpr int kHeld = kStates / kLanes;  // states of a thread

  // Shared memory. A tile's rows as they lie in memory, an odd number of 16-byte pieces apart: 8 rows of 4 neighbouring
  // words then lie in different banks. Two stages of these.
  static constexpr int kPieces = kChannels * static_cast<int>(sizeof(T)) / 16;  // of a row
  static constexpr int kPitch = (kPieces | 1) * 16;
  static constexpr int kTile = kTokens * kPitch;
  static constexpr int kStatePieces = kStates * static_cast<int>(sizeof(T)) / 16;
  static constexpr int kStatePitch = kStatePieces * 16;
  static constexpr int kStateTile = kTokens * kStatePitch;
  static constexpr int kX = 0, kDelta = kTile, kZ = 2 * kTile, kB = 3 * kTile, kC = kB + kStateTile;
  static constexpr int kStage = kC + kStateTile;
  // f32, [channel][token]: softplus(delta); and its product with x, in whose place y appears. 68 words from channel to
  // channel: 8 channels x 4 tokens lie in different banks.
  static constexpr int kRow = kTokens + 4;
  static constexpr int kStep = 2 * kStage;
  static constexpr int kInput = kStep + kChannels * kRow * 4;
  // f32, [token][lane][b of its states, c of its states].
  static constexpr int kBc = kInput + kChannels * kRow * 4;
  static constexpr int kSharedBytes = kBc + kTokens * 2 * kStates * 4;

  // Which (8 channels, 8 tokens) a warp takes first before and after the recurrence; it keeps the channels.
  static constexpr int kWarps = kThreads / 32;
  static constexpr int kGroups = kChannels / 8;
  static constexpr int kWarpsPerGroup = kWarps / kGroups;
  static_assert(kWarps % kGroups == 0 && 8 % kWarpsPerGroup == 0, "warps share the groups of channels evenly");

  const ScanParams& p;
  const ScanTask& task;
  int64_t first_channel;
  int channels;  // of this tile, the last one may have fewer

  // Starts the copies of tile i into its stage.
  __device__ __forceinline__ void fetch(int tile) const {
    unsigned char* stage = shared_memory() + tile % 2 * kStage;
    const int tokens = min(kTokens, task.rows - tile * kTokens);
    const int64_t first_row = task.begin + int64_t{tile} * kTokens;
    constexpr int kElements = 16 / static_cast<int>(sizeof(T));
    for (int i = thread_index(); i < tokens * kPieces; i += kThreads) {
      const int t = i / kPieces, piece = i % kPieces;
      if (piece * kElements >= channels) continue;
      const int64_t row = first_row + t, col = first_channel + piece * kElements;
      unsigned char* to = stage + t * kPitch + piece * 16;
      cp_async_16(to + kX, p.x.data + row * p.x.row_bytes + col * sizeof(T));
      cp_async_16(to + kDelta, p.delta.data + row * p.delta.row_bytes + col * sizeof(T));
      if (p.z.data != nullptr) cp_async_16(to + kZ, p.z.data + row * p.z.row_bytes + col * sizeof(T));
    }
    for (int i = thread_index(); i < tokens * kStatePieces; i += kThreads) {
      const int t = i / kStatePieces, piece = i % kStatePieces;
      unsigned char* to = stage + t * kStatePitch + piece * 16;
      cp_async_16(to + kB, p.b.data + (first_row + t) * p.b.row_bytes + piece * 16);
      cp_async_16(to + kC, p.c.data + (first_row + t) * p.c.row_bytes + piece * 16);
    }
  }

  // body(channel, token, offset of the pair in a stage's rows, offset in the transposed arrays) for this thread's
  // pairs of channels, the same two channels each time.
  template <class Body>
  __device__ __forceinline__ void for_each_pair(Body body) const {
    const int group = warp_index() % kGroups, channel = group * 8 + lane_index() % 4 * 2;
#pragma unroll
    for (int i = 0; i < 8; i += kWarpsPerGroup) {
      const int t = (i + warp_index() / kGroups) * 8 + lane_index() / 4;
      body(t, t * kPitch + channel * static_cast<int>(sizeof(T)), channel * kRow + t);
    }
  }
  __device__ __forceinline__ float2 weights_of_pair(const float* weights) const {
    const int channel = warp_index() % kGroups * 8 + lane_index() % 4 * 2;
    if (weights == nullptr || channel >= channels) return make_float2(0.0f, 0.0f);
    return make_float2(load_readonly(weights + first_channel + channel),
                       load_readonly(weights + first_channel + channel + 1));
  }

  using Pair = ScanPair<T>;
  static __device__ __forceinline__ typename Pair::Word* pair_at(unsigned char* address) {
    return reinterpret_cast<typename Pair::Word*>(address);
  }

  // softplus(delta), its product with x, b and c in the order of the lanes. A token past the end has step 0 and b 0:
  // its factor is 1, its input 0, and the state stays.
  __device__ __forceinline__ void prepare(unsigned char* stage, int tokens, float2 bias) const {
    float* steps = shared_at<float>(kStep);
    float* inputs = shared_at<float>(kInput);
    for_each_pair([&](int t, int offset, int transposed) {
      const float2 delta = Pair::unpack(*pair_at(stage + kDelta + offset));
      const float2 x = Pair::unpack(*pair_at(stage + kX + offset));
      const bool live = t < tokens;
      const float low = live ? softplus(delta.x + bias.x) : 0.0f, high = live ? softplus(delta.y + bias.y) : 0.0f;
      steps[transposed] = low;
      steps[transposed + kRow] = high;
      inputs[transposed] = live ? low * x.x : 0.0f;
      inputs[transposed + kRow] = live ? high * x.y : 0.0f;
    });
    float* bc = shared_at<float>(kBc);
    for (int i = thread_index(); i < kTokens * kStates; i += kThreads) {
      const int t = i / kStates, n = i % kStates;
      const int place = t * 2 * kStates + n % kLanes * 2 * kHeld + n / kLanes;
      const T* b = reinterpret_cast<const T*>(stage + kB + t * kStatePitch);
      const T* c = reinterpret_cast<const T*>(stage + kC + t * kStatePitch);
      bc[place] = t < tokens ? to_float(b[n]) : 0.0f;
      bc[place + kHeld] = t < tokens ? to_float(c[n]) : 0.0f;
    }
  }

  // This thread's states of one token; returns its part of y.
  static __device__ __forceinline__ float advance(float (&state)[kHeld], const float (&rate)[kHeld], float step,
                                                  float input, const float* bc) {
    float weights[2 * kHeld];
#pragma unroll
    for (int i = 0; i < 2 * kHeld; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(bc + i);
      weights[i] = four.x, weights[i + 1] = four.y, weights[i + 2] = four.z, weights[i + 3] = four.w;
    }
    // The thread's states are n = lane + kLanes i. With 8 lanes n and n + 8; with 4 also n + 4 and n + 12, which is
    // p_l+4.
#pragma unroll
    for (int i = 0; i < kHeld; ++i) state[i] = scan_next(state[i], step, rate[i], input, weights[i]);
    if constexpr (kHeld == 2) {
      return fmaf(state[1], weights[3], state[0] * weights[2]);
    } else {
      const float p = fmaf(state[2], weights[6], state[0] * weights[4]);
      const float q = fmaf(state[3], weights[7], state[1] * weights[5]);
      return p + q;
    }
  }

  // The sums over the lanes of a channel of four tokens at once: lanes exchange halves, so that each ends with the sum
  // of one token. Returns it; `token` is which.
  static __device__ __forceinline__ float sum_lanes(const float (&parts)[4], int lane, int& token) {
    if constexpr (kLanes == 8) {
      const bool upper = (lane & 4) != 0, odd = (lane & 2) != 0;
      const float from0 = shfl_xor(upper ? parts[0] : parts[2], 4), from1 = shfl_xor(upper ? parts[1] : parts[3], 4);
      const float first = (upper ? parts[2] : parts[0]) + from0, second = (upper ? parts[3] : parts[1]) + from1;
      const float from = shfl_xor(odd ? first : second, 2);
      const float sum = (odd ? second : first) + from;
      token = (upper ? 2 : 0) + (odd ? 1 : 0);
      return sum + shfl_xor(sum, 1);
    } else {
      const bool upper = (lane & 2) != 0, odd = (lane & 1) != 0;
      const float from0 = shfl_xor(upper ? parts[0] : parts[2], 2), from1 = shfl_xor(upper ? parts[1] : parts[3], 2);
      const float first = (upper ? parts[2] : parts[0]) + from0, second = (upper ? parts[3] : parts[1]) + from1;
      token = (upper ? 2 : 0) + (odd ? 1 : 0);
      return (odd ? second : first) + shfl_xor(odd ? first : second, 1);
    }
  }

  // The recurrence over a tile; y takes the place of the inputs.
  static __device__ __forceinline__ void scan(float (&state)[kHeld], const float (&rate)[kHeld], int tokens) {
    const int lane = thread_index() % kLanes, channel = thread_index() / kLanes;
    const float* steps = shared_at<float>(kStep) + channel * kRow;
    float* inputs = shared_at<float>(kInput) + channel * kRow;
    const float* bc = shared_at<float>(kBc) + lane * 2 * kHeld;
    for (int t = 0; t < tokens; t += 4) {
      const float4 step = *reinterpret_cast<const float4*>(steps + t);
      const float4 input = *reinterpret_cast<const float4*>(inputs + t);
      float parts[4];
      parts[0] = advance(state, rate, step.x, input.x, bc + (t + 0) * 2 * kStates);
      parts[1] = advance(state, rate, step.y, input.y, bc + (t + 1) * 2 * kStates);
      parts[2] = advance(state, rate, step.z, input.z, bc + (t + 2) * 2 * kStates);
      parts[3] = advance(state, rate, step.w, input.w, bc + (t + 3) * 2 * kStates);
      int token;
      const float y = sum_lanes(parts, lane, token);  // all lanes have read their inputs before any gets past this
      if (kLanes == 4 || lane % 2 == 0) inputs[t + token] = y;
    }
  }

  // d x and the gate; y into the place of z, from where store() takes it. The ungated y goes out directly: one layer of
  // a model asks for it.
  __device__ __forceinline__ void finish(unsigned char* stage, int tokens, int64_t first_row, float2 d) const {
    const float* ys = shared_at<float>(kInput);
    for_each_pair([&](int t, int offset, int transposed) {
      const float2 x = Pair::unpack(*pair_at(stage + kX + offset));
      float2 y = make_float2(scan_skip(ys[transposed], d.x, x.x), scan_skip(ys[transposed + kRow], d.y, x.y));
      const int channel = transposed / kRow;
      if (p.y_ungated.data != nullptr && t < tokens && channel < channels) {
        const float low[1] = {y.x}, high[1] = {y.y};
        cuda::store(p.y_ungated, first_row + t, first_channel + channel, low);
        cuda::store(p.y_ungated, first_row + t, first_channel + channel + 1, high);
      }
      if (p.y.data == nullptr) return;
      auto* z = pair_at(stage + kZ + offset);
      if (p.z.data != nullptr) {
        const float2 gate = Pair::unpack(*z);
        y = make_float2(scan_gate(y.x, gate.x), scan_gate(y.y, gate.y));
      }
      *z = Pair::pack(y);
    });
  }

  __device__ __forceinline__ void store(const unsigned char* stage, int tokens, int64_t first_row) const {
    if (p.y.data == nullptr) return;
    constexpr int kElements = 16 / static_cast<int>(sizeof(T));
    for (int i = thread_index(); i < tokens * kPieces; i += kThreads) {
      const int t = i / kPieces, piece = i % kPieces;
      if (piece * kElements >= channels) continue;
      const int64_t col = first_channel + piece * kElements;
      *reinterpret_cast<uint4*>(p.y.data + (first_row + t) * p.y.row_bytes + col * sizeof(T)) =
          *reinterpret_cast<const uint4*>(stage + kZ + t * kPitch + piece * 16);
    }
  }

  __device__ __forceinline__ void run() const {
    const int lane = thread_index() % kLanes, channel = thread_index() / kLanes;
    const bool live = channel < channels;
    float* kept = p.state + task.state_row * p.state_stride + first_channel + channel;
    float state[kHeld], rate[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int n = lane + kLanes * i;
      rate[i] = live ? load_readonly(p.a + n * p.a_stride + first_channel + channel) * kLog2E : 0.0f;
      state[i] = live && !task.fresh ? kept[n * p.state_stride] : 0.0f;
    }
    const float2 bias = weights_of_pair(p.delta_bias), d = weights_of_pair(p.d);

    const int tiles = (task.rows + kTokens - 1) / kTokens;
    fetch(0);
    cp_async_commit();
    for (int tile = 0; tile < tiles; ++tile) {
      unsigned char* stage = shared_memory() + tile % 2 * kStage;
      const int tokens = min(kTokens, task.rows - tile * kTokens);
      const int64_t first_row = task.begin + int64_t{tile} * kTokens;
      if (tile + 1 < tiles) fetch(tile + 1);
      cp_async_commit();  // perhaps an empty group, so that the wait counts alike
      cp_async_wait<1>();
      __syncthreads();
      prepare(stage, tokens, bias);
      __syncthreads();
      scan(state, rate, tokens);
      __syncthreads();
      finish(stage, tokens, first_row, d);
      __syncthreads();
      store(stage, tokens, first_row);
      __syncthreads();  // the stage is free for the tile after the next
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      if (live) kept[(lane + kLanes * i) * p.state_stride] = state[i];
    }
  }
};

// Two blocks to a multiprocessor, where the compiler would aim at more and keep registers in memory for it.
template <class T, int kLanes, int kChannels>
__global__ void __launch_bounds__(kChannels* kLanes, 2) scan_chunk(const __grid_constant__ ScanParams p) {
  grid_dependency_wait();
  grid_dependency_launch();
  using Chunk = ScanChunk<T, kLanes, kChannels>;
  ScanTask task;
  if (!scan_task(p, task)) return;
  const int64_t first_channel = int64_t{task.tile} * kChannels;
  const int channels = static_cast<int>(min(p.inner - first_channel, int64_t{kChannels}));
  Chunk{p, task, first_channel, channels}.run();
}

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_KERNELS_SCAN_CHUNK_CUH_

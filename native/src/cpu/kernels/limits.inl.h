// probe: what a processor reaches when nothing is in its way, in the words the kernels are written in. It says where
// their floor is, so each loop is bound by one thing only.

// Independent sums: more than any latency needs, all in registers. The compiler makes vectors of four of the scalars.
constexpr int kProbeVectors = kLanes == 1 ? 32 : 12;

// Reads memory as a decode step reads weights: from front to back, in pieces that the threads claim, asking for lines
// ahead, which brings a tenth more than the processor's own foresight.
inline double read_memory(Pool& pool, const char* memory, int64_t bytes) {
  constexpr int64_t kVectorBytes = kLanes * static_cast<int64_t>(sizeof(float));
  constexpr int64_t kPiece = 4 << 20, kStep = kProbeVectors * kVectorBytes;
  constexpr int64_t kAhead = 8 << 10;
  parallel(pool, bytes / kPiece, [&](int64_t piece, int thread) {
    Vec sums[kProbeVectors];
#pragma GCC unroll 32
    for (int i = 0; i < kProbeVectors; ++i) sums[i] = zero();
    const char* from = memory + piece * kPiece;
    for (int64_t at = 0; at + kStep <= kPiece; at += kStep) {
      for (int64_t i = 0; i < kStep; i += kCacheLine) __builtin_prefetch(from + at + kAhead + i);
#pragma GCC unroll 32
      for (int i = 0; i < kProbeVectors; ++i) {
        sums[i] = sums[i] + load(reinterpret_cast<const float*>(from + at + i * kVectorBytes));
      }
    }
    float* out = float_scratch(pool, thread, kProbeVectors * kLanes);
    for (int i = 0; i < kProbeVectors; ++i) store(out + i * kLanes, sums[i]);
  });
  return static_cast<double>(bytes / kPiece * (kPiece / kStep * kStep));
}

inline double multiply_and_add(Pool& pool) {
  constexpr int64_t kRounds = 1 << 18;
  parallel(pool, pool.threads(), [&](int64_t, int thread) {
    float* numbers = float_scratch(pool, thread, kProbeVectors * kLanes);
    for (int64_t i = 0; i < kProbeVectors * kLanes; ++i) numbers[i] = static_cast<float>(i + 1);
    const Vec factor = load(numbers + kLanes) * set(1e-3f), term = load(numbers);
    Vec sums[kProbeVectors];
#pragma GCC unroll 32
    for (int i = 0; i < kProbeVectors; ++i) sums[i] = load(numbers + i * kLanes);
    for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 32
      for (int i = 0; i < kProbeVectors; ++i) sums[i] = fma(sums[i], factor, term);
    }
    for (int i = 0; i < kProbeVectors; ++i) store(numbers + i * kLanes, sums[i]);
  });
  return 2.0 * kLanes * kProbeVectors * kRounds * pool.threads();
}

inline double multiply_and_add_bytes(Pool& pool) {
  constexpr int64_t kPasses = 16, kRounds = 1 << 14;
  parallel(pool, pool.threads(), [&](int64_t, int thread) {
    float* numbers = float_scratch(pool, thread, (kProbeVectors + 1) * kLanes);
    memset(numbers, 1, static_cast<size_t>((kProbeVectors + 1) * kLanes) * sizeof(float));
    const Codes codes = load_codes(reinterpret_cast<const uint8_t*>(numbers));
    const int8_t* x = reinterpret_cast<const int8_t*>(numbers);
    // A loop around it all: gcc keeps an array in registers only where the loops over it are not the outermost ones.
    for (int64_t pass = 0; pass < kPasses; ++pass) {
      Int8Dot sums[kProbeVectors];
      for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 32
        for (int i = 0; i < kProbeVectors; ++i) sums[i].add(codes, x);
      }
#pragma GCC unroll 32
      for (int i = 0; i < kProbeVectors; ++i) store(numbers + (i + 1) * kLanes, sums[i].value());
    }
  });
  return 2.0 * 4 * kLanes * kProbeVectors * kPasses * kRounds * pool.threads();
}

// exp2, the cheaper of the two the kernels use, from and to the first cache.
inline double exponentials(Pool& pool) {
  constexpr int64_t kNumbers = 2048, kRounds = 1 << 9;
  parallel(pool, pool.threads(), [&](int64_t, int thread) {
    float* numbers = float_scratch(pool, thread, 2 * kNumbers);
    for (int64_t i = 0; i < kNumbers; ++i) numbers[i] = static_cast<float>(i) * -0.01f;
    for (int64_t round = 0; round < kRounds; ++round) {
      for (int64_t i = 0; i < kNumbers; i += kLanes) store(numbers + kNumbers + i, exp2(load(numbers + i)));
      numbers[round] = numbers[kNumbers + round];  // the next round differs, so no round can be left out
    }
  });
  return static_cast<double>(kNumbers * kRounds * pool.threads());
}

inline double probe(Pool& pool, Probe what, const char* memory, int64_t bytes) {
  switch (what) {
    case Probe::kReadMemory:
      return read_memory(pool, memory, bytes);
    case Probe::kF32Products:
      return multiply_and_add(pool);
    case Probe::kExponentials:
      return exponentials(pool);
    case Probe::kInt8Products:
      return kDotInstruction ? multiply_and_add_bytes(pool) : 0;
    case Probe::kBf16Products:
      break;  // not in these words
  }
  return 0;
}

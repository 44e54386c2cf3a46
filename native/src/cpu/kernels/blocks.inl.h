// Sizes of the pieces in which kernels work. Changing one changes speed, and the order of sums, but nothing else.

constexpr int64_t kCacheLine = 64;
constexpr int64_t kLineFloats = kCacheLine / 4;

constexpr int64_t kGateColumns = 1024;  // swiglu, gmu: columns per task

constexpr int64_t kConvChannels = 256;  // causal_conv1d: channels per task
constexpr int64_t kConvTokens = 16;     // and tokens at a time, so that they stay in the first cache

constexpr int64_t kScanChannels = 256;              // selective_scan: channels per task, or fewer so that
constexpr int64_t kScanTasksPerThread = 2;          // every thread has some,
constexpr int64_t kScanTokens = 8;                  // and tokens at a time
constexpr int kScanStates = kLanes == 16 ? 16 : 4;  // and states of each channel held in registers

constexpr int64_t kTileRows = 128;      // attention: rows of probabilities per work and map
constexpr int64_t kManyRows = 8;        // from here on arithmetic is the limit, and it pays to transpose the keys
constexpr int64_t kKeyBlock = 64;       // keys per softmax update
constexpr int64_t kValueRows = 32;      // few rows: values at a time
constexpr int64_t kKvStrip = 128;       // columns of the cache that lie together for all rows of a block
constexpr int64_t kSplitKeys = 256;     // keys per work and query row where one row must be split,
constexpr int64_t kMaxSplits = 64;      // or more, so that there are no more works than this
constexpr int64_t kWorksPerThread = 2;  // works of few rows take fewer groups until there are so many

constexpr int kProductRows = 4;                        // registers of a small product: rows
constexpr int kProductVectors = kLanes == 16 ? 4 : 2;  // by vectors

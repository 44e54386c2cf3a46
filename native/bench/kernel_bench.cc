// kernel_bench: kernels of the CPU by turns with what limits them, in one process.
//
//   kernel_bench linear     [--weights int4,int8,bf16] [--matrix 20480x2560] [--rows 1,8,16]
//   kernel_bench attention  [--contexts 512,4096,32768]
//   kernel_bench scan       [--tokens 1,128,2048,8192]
//
// and for all of them --targets avx512,avx2  --threads 2,1  --rounds 40. One table line for each kernel, target and
// number of threads.
//
// A machine that other machines share does not keep its speed: what is compared here runs by turns, a few milliseconds
// each, and a share is the median of the rounds' own shares. So it says the same whichever speed the machine is at;
// the times beside it do not. Operands that a forward pass finds in memory exist in copies of 256 MiB together.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cpu/isa.h"
#include "cpu/ops.h"
#include "cpu/pages.h"
#include "cpu/pool.h"
#include "cpu/processor.h"
#include "plain_scan.h"

namespace {

using namespace sambay;
using Clock = std::chrono::steady_clock;

constexpr int64_t kCopiesBytes = int64_t{256} << 20;
constexpr double kTurnSeconds = 4e-3;

struct Options {
  std::string what;
  std::vector<std::string> targets{"auto"}, weights{"int4", "int8", "bf16"}, matrices{"20480x2560"};
  std::vector<int64_t> threads{0}, rows{1}, contexts{512, 4096, 32768}, tokens{1, 128, 2048, 8192};
  int64_t rounds = 40;
};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "kernel_bench: %s\n", message.c_str());
  std::exit(2);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

int64_t number(const std::string& text) {
  char* end = nullptr;
  const int64_t value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < 0) fail("\"" + text + "\" is no number");
  return value;
}

std::vector<int64_t> numbers(const std::string& list) {
  std::vector<int64_t> values;
  for (const std::string& part : split(list)) values.push_back(number(part));
  return values;
}

Options parse(int argc, char** argv) {
  if (argc < 2) fail("what? linear, attention or scan");
  Options options;
  options.what = argv[1];
  for (int i = 2; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) fail(name + " needs a value");
    const std::string value = argv[i + 1];
    if (name == "--targets") {
      options.targets = split(value);
    } else if (name == "--threads") {
      options.threads = numbers(value);
    } else if (name == "--weights") {
      options.weights = split(value);
    } else if (name == "--matrix") {
      options.matrices = split(value);
    } else if (name == "--rows") {
      options.rows = numbers(value);
    } else if (name == "--contexts") {
      options.contexts = numbers(value);
    } else if (name == "--tokens") {
      options.tokens = numbers(value);
    } else if (name == "--rounds") {
      options.rounds = number(value);
    } else {
      fail("unknown option " + name);
    }
  }
  return options;
}

double seconds_of(const std::function<void()>& call) {
  const Clock::time_point start = Clock::now();
  call();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// One of those that take turns. `call` does the same work each time.
struct Contender {
  Contender(std::string its_name, std::function<void()> its_call)
      : name(std::move(its_name)), call(std::move(its_call)) {}

  std::string name;
  std::function<void()> call;
  int64_t calls = 1;            // per turn
  std::vector<double> seconds;  // per call, one for each turn
};

void take_turns(std::vector<Contender>& contenders, int64_t rounds) {
  for (Contender& contender : contenders) {
    contender.call();
    const double once = seconds_of(contender.call);
    contender.calls = std::max<int64_t>(1, static_cast<int64_t>(kTurnSeconds / once));
    contender.seconds.clear();
  }
  for (int64_t round = 0; round < rounds; ++round) {
    for (Contender& contender : contenders) {
      const double seconds = seconds_of([&] {
        for (int64_t i = 0; i < contender.calls; ++i) contender.call();
      });
      contender.seconds.push_back(seconds / static_cast<double>(contender.calls));
    }
  }
}

// The median of the rounds' ratios a / b.
double ratio(const Contender& a, const Contender& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.seconds.size(); ++i) ratios.push_back(a.seconds[i] / b.seconds[i]);
  return median(ratios);
}

// Memory that is there, and a contender that reads it from front to back with the best instructions there are.
class Reads {
 public:
  explicit Reads(Pool& pool) : pool_(pool), memory_(kCopiesBytes) {
    std::memset(memory_.data(), 1, static_cast<size_t>(memory_.bytes()));
  }
  Contender contender() {
    return {"reads", [this] { find_ops("auto")->probe(pool_, Probe::kReadMemory, memory_.data(), kCopiesBytes); }};
  }
  // What a call with so many bytes would take at the rate of these reads.
  static double rate(const Contender& reads) { return kCopiesBytes / median(reads.seconds); }
  static double share(const Contender& reads, const Contender& kernel, double bytes) {
    return ratio(reads, kernel) * bytes / kCopiesBytes;
  }

 private:
  Pool& pool_;
  Pages memory_;
};

// A tensor of random numbers between -1 and 1, or of those times `scale` + `offset`.
class Numbers {
 public:
  Numbers(int64_t rows, int64_t cols, sy_dtype dtype, float scale = 1, float offset = 0)
      : pages_(rows * cols * (dtype == SY_F32 ? 4 : 2)), tensor_{pages_.data(), dtype, rows, cols, cols} {
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < rows * cols; ++i) {
      const float value = uniform(random) * scale + offset;
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      if (dtype == SY_F32) {
        std::memcpy(pages_.data() + 4 * i, &value, sizeof value);
      } else {  // bf16, cut off
        const auto upper = static_cast<uint16_t>(bits >> 16);
        std::memcpy(pages_.data() + 2 * i, &upper, sizeof upper);
      }
    }
  }
  sy_tensor* view() { return &tensor_; }
  float* floats() { return reinterpret_cast<float*>(pages_.data()); }

 private:
  Pages pages_;
  sy_tensor tensor_;
};

int64_t turn(int64_t& next, int64_t count) {
  const int64_t now = next;
  next = now + 1 == count ? 0 : now + 1;
  return now;
}

std::string target_name(const std::string& target) {
  const Ops* ops = find_ops(target.c_str());
  if (ops == nullptr) fail("target " + target + " does not run here");
  return ops->target;
}

// ---- products -------------------------------------------------------------------------------------------------------

sy_dtype weight_type(const std::string& name) {
  if (name == "int4") return SY_INT4;
  if (name == "int8") return SY_INT8;
  if (name == "bf16") return SY_BF16;
  if (name == "f32") return SY_F32;
  fail("weights are int4, int8, bf16 or f32, not " + name);
}

void bench_linear(const Options& options, Pool& pool, Reads& reads, const std::string& matrix,
                  const std::string& storage) {
  const size_t cross = matrix.find('x');
  if (cross == std::string::npos) fail("--matrix is OUTPUTSxINPUTS, not " + matrix);
  const int64_t outputs = number(matrix.substr(0, cross)), inputs = number(matrix.substr(cross + 1));
  CpuProcessor processor(*find_ops("auto"), 1);
  std::vector<CpuWeight*> weights;
  int64_t bytes = 0;
  do {
    sy_weight* weight = nullptr;
    processor.create_weight(outputs, inputs, weight_type(storage), &weight);
    auto* packed = static_cast<CpuWeight*>(weight);
    if (weights.empty()) {
      Numbers block(std::min<int64_t>(outputs, 64), inputs, SY_F32);
      for (int64_t row = 0; row < outputs; row += block.view()->rows) {
        block.view()->rows = std::min(block.view()->rows, outputs - row);
        processor.set_rows(*weight, row, *block.view());
      }
    } else {
      std::memcpy(packed->data, weights[0]->data, static_cast<size_t>(packed->bytes));
    }
    bytes += packed->bytes;
    weights.push_back(packed);
  } while (bytes < kCopiesBytes);

  int64_t next = 0;
  std::vector<Contender> contenders{reads.contender()};
  std::vector<std::unique_ptr<Numbers>> activations;
  std::vector<std::unique_ptr<sy_linear_args>> calls;
  for (const std::string& target : options.targets) {
    const Ops* ops = find_ops(target.c_str());
    for (const int64_t rows : options.rows) {
      activations.push_back(std::make_unique<Numbers>(rows, inputs, SY_BF16));
      sy_tensor* x = activations.back()->view();
      activations.push_back(std::make_unique<Numbers>(rows, outputs, SY_BF16));
      calls.push_back(std::make_unique<sy_linear_args>());
      sy_linear_args* args = calls.back().get();
      args->x = x;
      args->y = activations.back()->view();
      const auto multiply = is_quantized(weights[0]->storage) ? ops->linear_quantized : ops->linear;
      contenders.push_back({target_name(target) + " rows=" + std::to_string(rows), [&, args, multiply] {
                              args->weight =
                                  weights[static_cast<size_t>(turn(next, static_cast<int64_t>(weights.size())))];
                              multiply(pool, *args);
                            }});
    }
  }
  take_turns(contenders, options.rounds);
  const double of_one = static_cast<double>(weights[0]->bytes);
  for (size_t i = 1; i < contenders.size(); ++i) {
    const Contender& kernel = contenders[i];
    const int64_t rows = options.rows[(i - 1) % options.rows.size()];
    std::printf("linear %-4s %-11s %-16s %d threads %9.1f us  reads %5.1f GB/s  %5.1f %% of them", storage.c_str(),
                matrix.c_str(), kernel.name.c_str(), pool.threads(), median(kernel.seconds) * 1e6,
                Reads::rate(contenders[0]) / 1e9, 100 * Reads::share(contenders[0], kernel, of_one));
    if (i > 1) {
      const double times =
          ratio(contenders[1], kernel) * static_cast<double>(rows) / static_cast<double>(options.rows[0]);
      std::printf("  %5.2f times the rows a second of %s", times, contenders[1].name.c_str());
    }
    std::printf("\n");
  }
  for (CpuWeight* weight : weights) processor.destroy_weight(weight);
}

// ---- attention ------------------------------------------------------------------------------------------------------

void bench_attention(const Options& options, Pool& pool, Reads& reads, int64_t context) {
  constexpr int32_t kHeads = 40, kKvHeads = 20, kHeadDim = 64, kBlock = 64;
  constexpr int64_t kKvCols = kKvHeads * kHeadDim;
  const int64_t cache_bytes = 2 * context * kKvCols * 2;
  const int64_t copies = (kCopiesBytes + cache_bytes - 1) / cache_bytes;
  const int64_t blocks = (context + kBlock - 1) / kBlock;
  Numbers keys(copies * blocks * kBlock, kKvCols, SY_BF16), values(copies * blocks * kBlock, kKvCols, SY_BF16);
  Numbers q(1, kHeads * kHeadDim, SY_BF16), y(1, kHeads * kHeadDim, SY_BF16), subln(1, 2 * kHeadDim, SY_F32);
  std::vector<int32_t> table(static_cast<size_t>(blocks));
  const int32_t seq_start[] = {0, 1}, slot[] = {0}, position[] = {static_cast<int32_t>(context) - 1};
  const sy_batch batch{1, seq_start, slot, position};
  const sy_kv kv{*keys.view(), *values.view(), kBlock, static_cast<int32_t>(blocks), table.data()};
  const sy_diff_attention_args args{&batch,   q.view(), nullptr, nullptr, &kv,  subln.view(), y.view(), kHeads,
                                    kKvHeads, kHeadDim, 0,       0.125f,  0.5f, 0.2f,         1e-5f};
  int64_t next = 0;
  std::vector<Contender> contenders{reads.contender()};
  for (const std::string& target : options.targets) {
    const Ops* ops = find_ops(target.c_str());
    contenders.push_back({target_name(target), [&, ops] {
                            const int64_t copy = turn(next, copies);
                            for (int64_t i = 0; i < blocks; ++i) {
                              table[static_cast<size_t>(i)] = static_cast<int32_t>(copy * blocks + i);
                            }
                            ops->diff_attention(pool, args);
                          }});
  }
  take_turns(contenders, options.rounds);
  for (size_t i = 1; i < contenders.size(); ++i) {
    std::printf("diff_attention, one row after %5d, %-7s %d threads %9.1f us  reads %5.1f GB/s  %5.1f %% of them\n",
                static_cast<int>(context), contenders[i].name.c_str(), pool.threads(),
                median(contenders[i].seconds) * 1e6, Reads::rate(contenders[0]) / 1e9,
                100 * Reads::share(contenders[0], contenders[i], static_cast<double>(cache_bytes)));
  }
}

// ---- scan -----------------------------------------------------------------------------------------------------------

void bench_scan(const Options& options, Pool& pool, Reads& reads, int64_t tokens) {
  constexpr int64_t kInner = 5120, kStates = 16;
  constexpr int64_t kStateBytes = kStates * kInner * 4;
  const int64_t copies = tokens == 1 ? kCopiesBytes / (2 * kStateBytes) : 1;
  Numbers x(tokens, kInner, SY_BF16), delta(tokens, kInner, SY_BF16), z(tokens, kInner, SY_BF16);
  Numbers y(tokens, kInner, SY_BF16), b(tokens, kStates, SY_BF16), c(tokens, kStates, SY_BF16);
  Numbers bias(1, kInner, SY_F32), d(1, kInner, SY_F32);
  Numbers a(copies * kStates, kInner, SY_F32, 0.5f, -1.5f), state(copies * kStates, kInner, SY_F32);
  Numbers plain_x(tokens, kInner, SY_F32), plain_delta(tokens, kInner, SY_F32), plain_z(tokens, kInner, SY_F32);
  Numbers plain_y(tokens, kInner, SY_F32), plain_b(tokens, kStates, SY_F32), plain_c(tokens, kStates, SY_F32);
  int64_t next = 0;

  std::vector<Contender> contenders{reads.contender()};
  const Ops* best = find_ops("auto");
  double exps = 0, flops = 0;
  contenders.push_back({"exponentials", [&] { exps = best->probe(pool, Probe::kExponentials, nullptr, 0); }});
  contenders.push_back({"products", [&] { flops = best->probe(pool, Probe::kF32Products, nullptr, 0); }});
  plain_scan plain{tokens,           kInner,           kStates,          plain_x.floats(), plain_delta.floats(),
                   plain_z.floats(), plain_b.floats(), plain_c.floats(), nullptr,          bias.floats(),
                   d.floats(),       nullptr,          plain_y.floats()};
  contenders.push_back(
      {"plain C", [&] {
         const int64_t copy = turn(next, copies);
         plain.a = a.floats() + copy * kStates * kInner;
         plain.state = state.floats() + copy * kStates * kInner;
         const int64_t share = kInner / pool.threads();
         auto task = [&](int64_t index) {
           const bool last = index + 1 == pool.threads();
           run_plain_scan(&plain, index * share, last ? kInner : (index + 1) * share);
         };
         pool.run(
             pool.threads(), [](void* context, int64_t index, int) { (*static_cast<decltype(task)*>(context))(index); },
             &task);
       }});
  const size_t first_kernel = contenders.size();
  for (const std::string& target : options.targets) {
    const Ops* ops = find_ops(target.c_str());
    contenders.push_back({target_name(target), [&, ops] {
                            const auto copy = static_cast<int32_t>(turn(next, copies));
                            const int32_t seq_start[] = {0, static_cast<int32_t>(tokens)}, slot[] = {copy},
                                          position[] = {1000};
                            const sy_batch batch{1, seq_start, slot, position};
                            sy_tensor own_a = *a.view();
                            own_a.data = a.floats() + int64_t{copy} * kStates * kInner;
                            own_a.rows = kStates;
                            ops->selective_scan(pool, {&batch, x.view(), delta.view(), bias.view(), &own_a, b.view(),
                                                       c.view(), d.view(), z.view(), state.view(), y.view(), nullptr});
                          }});
  }
  take_turns(contenders, options.rounds);
  const double channels = static_cast<double>(tokens) * kInner;
  for (size_t i = first_kernel; i < contenders.size(); ++i) {
    const Contender& kernel = contenders[i];
    // Of the time of the kernel: exponentials (the states', softplus, SiLU) and 6 operations a state, or its bytes.
    const double arithmetic = ratio(contenders[1], kernel) * (kStates + 2) * channels / exps +
                              ratio(contenders[2], kernel) * 6 * kStates * channels / flops;
    const double memory = tokens > 1 ? 0 : Reads::share(contenders[0], kernel, 3 * kStateBytes);
    std::printf(
        "scan of %5d, %-7s %d threads %9.1f us, %5.2f a token  %5.1f %% of its bound (%s)  %5.1f times plain C -O3\n",
        static_cast<int>(tokens), kernel.name.c_str(), pool.threads(), median(kernel.seconds) * 1e6,
        median(kernel.seconds) * 1e6 / static_cast<double>(tokens), 100 * std::max(arithmetic, memory),
        arithmetic > memory ? "arithmetic" : "memory", ratio(contenders[3], kernel));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  for (const int64_t threads : options.threads) {
    Pool pool(threads == 0 ? CpuProcessor(*find_ops("auto"), 0).threads() : static_cast<int>(threads));
    Reads reads(pool);
    if (options.what == "linear") {
      for (const std::string& matrix : options.matrices) {
        for (const std::string& storage : options.weights) bench_linear(options, pool, reads, matrix, storage);
      }
    } else if (options.what == "attention") {
      for (const int64_t context : options.contexts) bench_attention(options, pool, reads, context);
    } else if (options.what == "scan") {
      for (const int64_t tokens : options.tokens) bench_scan(options, pool, reads, tokens);
    } else {
      fail("unknown kernel " + options.what + ": linear, attention or scan");
    }
  }
}

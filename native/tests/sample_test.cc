// sample: against a plain reference with a sort and 128-bit products, and against the Java sampler's own choices.
#include <cinttypes>
#include <numeric>

#include "cpu/isa.h"
#include "matrix.h"

using namespace sambay::test;

namespace {

// ---- the definition, word by word -----------------------------------------------------------------------------------

uint32_t high_word(double v) {
  uint64_t bits;
  std::memcpy(&bits, &v, 8);
  return static_cast<uint32_t>(bits >> 32);
}

// fdlibm's __ieee754_exp with its branches, for -700 <= x <= 0.
double fdlibm_exp(double x) {
  const uint32_t size = high_word(x) & 0x7fffffff;
  double high = 0, low = 0;
  int k = 0;
  if (size > 0x3fd62e42) {
    if (size < 0x3ff0a2b2) {
      high = x + 6.93147180369123816490e-01;
      low = -1.90821492927058770002e-10;
      k = -1;
    } else {
      k = static_cast<int>(1.44269504088896338700e+00 * x - 0.5);
      high = x - k * 6.93147180369123816490e-01;
      low = k * 1.90821492927058770002e-10;
    }
    x = high - low;
  } else if (size < 0x3e300000) {
    return 1 + x;
  }
  const double t = x * x;
  const double c =
      x -
      t * (1.66666666666666019037e-01 +
           t * (-2.77777777770155933842e-03 +
                t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
  if (k == 0) return 1 - ((x * c) / (c - 2) - x);
  return std::ldexp(1 - ((low - (x * c) / (2 - c)) - high), k);
}

struct Parameters {
  double temperature = 1;
  int32_t top_k = 0;
  double top_p = 1, min_p = 0;
};

struct Choice {
  std::vector<uint64_t> weights;  // of all tokens; 0 where one is dropped
  uint64_t total = 0;
  int32_t best = 0;

  int32_t draw(uint64_t random) const {
    __extension__ using Wide = unsigned __int128;
    const auto point = static_cast<uint64_t>(static_cast<Wide>(random) * total >> 64);
    uint64_t sum = 0;
    for (size_t i = 0;; ++i) {
      sum += weights[i];
      if (sum > point) return static_cast<int32_t>(i);
    }
  }
  // The least number of a draw that falls on this point.
  uint64_t random_for(uint64_t point) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>(((static_cast<Wide>(point) << 64) + total - 1) / total);
  }
};

Choice reference(const std::vector<float>& logits, const Parameters& p) {
  Choice choice;
  const auto n = static_cast<int64_t>(logits.size());
  for (int64_t i = 1; i < n; ++i) {
    if (logits[static_cast<size_t>(i)] > logits[static_cast<size_t>(choice.best)])
      choice.best = static_cast<int32_t>(i);
  }
  if (p.temperature == 0) return choice;
  const double largest = logits[static_cast<size_t>(choice.best)];
  std::vector<uint64_t>& w = choice.weights;
  for (float logit : logits) {
    const double exponent = (static_cast<double>(logit) - largest) / p.temperature;
    w.push_back(exponent < -30 ? 0 : static_cast<uint64_t>(fdlibm_exp(exponent) * 0x1p42 + 0.5));
  }
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return w[a] > w[b]; });
  if (p.top_k > 0) {
    for (size_t i = static_cast<size_t>(p.top_k); i < order.size(); ++i) w[order[i]] = 0;
  }
  if (p.top_p < 1) {
    const auto all = static_cast<int64_t>(std::accumulate(w.begin(), w.end(), uint64_t{0}));
    const auto quota = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(p.top_p * static_cast<double>(all))));
    uint64_t sum = 0;
    for (size_t i : order) {
      if (sum >= quota) w[i] = 0;
      sum += w[i];
    }
  }
  for (uint64_t& weight : w) {
    if (static_cast<double>(weight) < p.min_p * 0x1p42) weight = 0;
  }
  choice.total = std::accumulate(w.begin(), w.end(), uint64_t{0});
  return choice;
}

double log_softmax(const std::vector<float>& logits, int32_t token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  long double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<long double>(logit) - largest);
  return static_cast<double>(static_cast<long double>(logits[static_cast<size_t>(token)]) - largest - std::log(sum));
}

// Steele, Lea and Flood 2014.
struct SplitMix64 {
  uint64_t state;
  uint64_t next() {
    state += 0x9e3779b97f4a7c15;
    uint64_t z = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
};

// ---- calls ----------------------------------------------------------------------------------------------------------

struct Row {
  std::vector<float> logits;
  Parameters parameters;
  uint64_t random;
  int32_t token;
  double log_probability;
};

// Chooses for all rows in one call.
void sample(sy_device* device, std::vector<Row>& rows, const std::string& what) {
  const auto n = static_cast<int64_t>(rows.size()), vocabulary = static_cast<int64_t>(rows[0].logits.size());
  Matrix logits(n, vocabulary, SY_F32, 5);
  std::vector<double> temperature, top_p, min_p, log_probability(rows.size(), -7);
  std::vector<int32_t> top_k, token(rows.size(), -7);
  std::vector<uint64_t> random;
  for (int64_t r = 0; r < n; ++r) {
    const Row& row = rows[static_cast<size_t>(r)];
    sy_tensor to = logits.part(r, 1, 0, vocabulary);
    std::memcpy(to.data, row.logits.data(), row.logits.size() * sizeof(float));
    temperature.push_back(row.parameters.temperature);
    top_k.push_back(row.parameters.top_k);
    top_p.push_back(row.parameters.top_p);
    min_p.push_back(row.parameters.min_p);
    random.push_back(row.random);
  }
  const sy_sample_args args{logits.view(), temperature.data(), top_k.data(), top_p.data(),
                            min_p.data(),  random.data(),      token.data(), log_probability.data()};
  expect_ok(sy_sample(device, &args), what);
  for (size_t r = 0; r < rows.size(); ++r) {
    rows[r].token = token[r];
    rows[r].log_probability = log_probability[r];
  }
}

void expect_choice(const Row& row, int32_t want, const std::string& what) {
  const Parameters& p = row.parameters;
  if (!CHECK(row.token == want,
             "%s: token %d, expected %d; %zu logits, temperature %g, top-k %d, top-p %g, min-p %g, u %" PRIu64,
             what.c_str(), row.token, want, row.logits.size(), p.temperature, p.top_k, p.top_p, p.min_p, row.random)) {
    return;
  }
  const double expected = log_softmax(row.logits, want);
  CHECK(std::fabs(row.log_probability - expected) <= 1e-12 * (1 + std::fabs(expected)),
        "%s: log-probability %.17g, expected %.17g", what.c_str(), row.log_probability, expected);
}

std::vector<float> random_logits(int64_t n, Random& random) {
  std::vector<float> logits;
  const int64_t kind = random.integer(0, 3);
  const double spread = random.uniform(0.1, 8);
  for (int64_t i = 0; i < n; ++i) {
    double logit = spread * random.normal();
    if (kind == 0) logit = std::round(logit);                       // many ties
    if (kind == 1 && random.integer(0, 3) == 0) logit = -HUGE_VAL;  // excluded
    logits.push_back(static_cast<float>(logit));
  }
  if (kind == 2) std::fill(logits.begin(), logits.end(), -3.25f);  // nothing but ties
  logits[static_cast<size_t>(random.integer(0, n - 1))] = kind == 2 ? -3.25f : 1.5f;
  return logits;
}

Parameters random_parameters(int64_t n, Random& random) {
  Parameters p;
  p.temperature = random.integer(0, 7) == 0 ? 0 : random.uniform(0.05, 2);
  if (random.integer(0, 1) == 0) p.top_k = static_cast<int32_t>(random.integer(1, n + n / 4));
  if (random.integer(0, 3) == 0) p.top_k = static_cast<int32_t>(random.integer(1, 8));
  if (random.integer(0, 1) == 0) p.top_p = random.integer(0, 3) == 0 ? 0.999999 : random.uniform(0, 1);
  if (random.integer(0, 9) == 0) p.top_p = 0;
  if (random.integer(0, 2) == 0) p.min_p = random.integer(0, 5) == 0 ? 1 : std::pow(random.uniform(0, 1), 6);
  return p;
}

uint64_t random_bits(Random& random) { return SplitMix64{static_cast<uint64_t>(random.integer(0, INT64_MAX))}.next(); }

// ---- tests ----------------------------------------------------------------------------------------------------------

// x and StrictMath.exp(x), as bits.
constexpr uint64_t kStrictExp[][2] = {
    {0x0, 0x3ff0000000000000},
    {0x8000000000000000, 0x3ff0000000000000},
    {0xbe20000000000000, 0x3fefffffff000000},
    {0xbe30000000000000, 0x3feffffffe000000},
    {0xbe38000000000000, 0x3feffffffd000000},
    {0xbfd62e42fefa39ef, 0x3fe6a09e667f3bcc},
    {0xbfd62e4300000000, 0x3fe6a09e6622aec0},
    {0xbfd62e42ffffffff, 0x3fe6a09e6622aec0},
    {0xbff0a2b23f3bab73, 0x3fd6a09e667f3bcd},
    {0xbff0a2b200000000, 0x3fd6a09ebfec0ef1},
    {0xbff0a2b1ffffffff, 0x3fd6a09ebfec0ef2},
    {0xbfe62e42fefa39ef, 0x3fe0000000000000},
    {0xc03e000000000000, 0x3d3a56e0c2ac7f75},
    {0xbff0000000000000, 0x3fd78b56362cef38},
    {0xbfe0000000000000, 0x3fe368b2fc6f960a},
    {0xbee4f8b588e368f1, 0x3fefffeb07515653},
    {0xc00da99fd5f77cc8, 0x3f991e9c72ff8f1f},
    {0xc0133072803ba040, 0x3f80e65f4985c265},
    {0xbfd1d499d5c4c3e6, 0x3fe8380c22c16183},
    {0xbffb89069fb47766, 0x3fc6e60c031f097d},
    {0xbff24125a904073c, 0x3fd4732cb15dec60},
    {0xbfebc8863f47901b, 0x3fdadc468f978d24},
    {0xbff178f038d5a150, 0x3fd5796c1146fe43},
    {0xc03804da51f69689, 0x3dc45d434318e5e8},
    {0xbfd5c16e1dc2cf5e, 0x3fe6c7397f3d4a54},
    {0xc008bd41a0c67bea, 0x3fa73dac97339ccc},
    {0xc018969592e7f2b3, 0x3f61876e8b4b27cf},
    {0xbfdf8d2283914594, 0x3fe38ba7fbd5fba3},
    {0xc004892d1d7be1ba, 0x3fb3a70054b05308},
    {0xc02f33677f04dba4, 0x3e86861b3d357c6d},
    {0xbfe548fc63805cf1, 0x3fe07441d8434bb9},
    {0xbff04659dda836cf, 0x3fd724b2ab1e4d62},
    {0xc008db99ddc428cc, 0x3fa6e62b563af044},
    {0xbfdfb64000fd9fe6, 0x3fe37f1d8a4d1cbd},
    {0xbfdde597f15ad282, 0x3fe40eb10f8439b2},
    {0xc034ab1baf10db72, 0x3e122621e53f0136},
    {0xbfeea268896c8ab4, 0x3fd8921e7fbf4787},
    {0xbfd76090946fa742, 0x3fe635548d6c6902},
    {0xc031fe96d6be17ae, 0x3e507184f1d8aa2f},
    {0xbfe3d58eba8a8e99, 0x3fe137a36d7bc0fd},
    {0xbfd7bb40eeb425a6, 0x3fe615f29de3c326},
    {0xc020a76f59507df4, 0x3f2fb487e9ed459c},
    {0xbfe7be4b62a0c415, 0x3fde7993cff55c82},
    {0xc00f6b83b3fe7500, 0x3f942a5fe7e076f0},
    {0xc03c420079d61d7c, 0x3d62cc8ae0a114e4},
    {0xbfe636b3e36a6b0b, 0x3fdff79038770024},
    {0xc00f98a92132531a, 0x3f93b9d1f65c4fa1},
    {0xc039372aa525726b, 0x3da89e995f6cb819},
    {0xbfe4b4ffc9cc749e, 0x3fe0c10acd148f73},
    {0xc00f4947c85957cb, 0x3f948164b547a797},
    {0xc033203956f9a14e, 0x3e3537b9f0e84bf6},
    {0xbfd8524b7012bc1a, 0x3fe5e2108672f1cb},
    {0xbfd42b01ed306f64, 0x3fe759aef199e59a},
    {0xc01fed24945d3b9d, 0x3f3664bb62e591b3},
    {0xbfe85bcad712c3ab, 0x3fdde504b427eb83},
    {0xbfdd6def179e6ace, 0x3fe43454701e1e3b},
    {0xc02fd0b4192598c9, 0x3e8090e296aa78a1},
    {0xbfc45be94a6715b4, 0x3feb4b5ccbe0aa38},
    {0xbff5d85c0c8f6ffc, 0x3fd056cf2ab17d4f},
    {0xc0373e5599dd0f4c, 0x3dd61c8d3b618286},
    {0xbfe562ab723fe8a0, 0x3fe067124ccda0cd},
    {0xbff9b617f68a02ba, 0x3fc9a9e1fa7775f7},
    {0xc004468f7632b58a, 0x3fb44d5627a4384a},
    {0xbfc23d80938f9338, 0x3febbffca8ad90a2},
};

// Choices of io.sambay4j.sampling.Sampler, six in a row, and the log-probability of the sixth. Logit i is the i-th
// number of SplitMix64(seed), shifted right by `shift` and scaled to 0 .. spread.
struct JavaCase {
  int64_t vocabulary;
  uint64_t seed;
  double spread;
  int shift;
  Parameters parameters;
  int32_t tokens[6];
  double log_probability;
};
const JavaCase kJavaCases[] = {
    {1, 1000, 0.5, 60, {0.0, 0, 1.0, 0.0}, {0, 0, 0, 0, 0, 0}, 0.0},
    {7, 1001, 10.0, 40, {0.6, 1, 1.0, 0.0}, {5, 5, 5, 5, 5, 5}, -0.2956141138855629},
    {300, 1002, 10.0, 40, {1.0, 5, 0.95, 0.0}, {271, 85, 25, 271, 228, 271}, -3.311968460756548},
    {5000, 1003, 10.0, 40, {2.0, 50, 0.95, 0.05}, {3075, 2604, 3034, 1152, 4794, 4738}, -6.235274286573237},
    {2048, 1004, 0.5, 40, {0.0, 4000, 0.5, 0.05}, {51, 51, 51, 51, 51, 51}, -7.381975162874293},
    {2049, 1005, 10.0, 60, {0.6, 0, 0.5, 0.05}, {1488, 400, 720, 1290, 147, 1602}, -5.618368215796758},
    {1, 1006, 10.0, 40, {1.0, 1, 0.0, 1.0}, {0, 0, 0, 0, 0, 0}, 0.0},
    {7, 1007, 10.0, 40, {2.0, 5, 0.0, 1.0}, {0, 0, 0, 0, 0, 0}, -0.18502323252122277},
    {300, 1008, 0.5, 40, {0.0, 50, 0.999999, 1.0}, {187, 187, 187, 187, 187, 187}, -5.468216716608796},
    {5000, 1009, 10.0, 40, {0.6, 4000, 0.999999, 0.0}, {2713, 87, 2257, 3972, 352, 3371}, -6.245834629488161},
    {2048, 1010, 10.0, 60, {1.0, 0, 1.0, 0.0}, {629, 1482, 491, 1299, 905, 333}, -8.702113990063456},
    {2049, 1011, 10.0, 40, {2.0, 1, 1.0, 0.0}, {947, 947, 947, 947, 947, 947}, -5.349344214825604},
    {1, 1012, 0.5, 40, {0.0, 5, 0.95, 0.05}, {0, 0, 0, 0, 0, 0}, 0.0},
    {7, 1013, 10.0, 40, {0.6, 50, 0.95, 0.05}, {3, 3, 3, 3, 3, 3}, -0.365471890430863},
    {300, 1014, 10.0, 40, {1.0, 4000, 0.5, 0.05}, {191, 184, 88, 191, 101, 80}, -3.576933346994687},
    {5000, 1015, 10.0, 60, {2.0, 0, 0.5, 1.0}, {3429, 2307, 3261, 1669, 2853, 3639}, -6.521457548983782},
    {2048, 1016, 0.5, 40, {0.0, 1, 0.0, 1.0}, {822, 822, 822, 822, 822, 822}, -7.384155177028618},
    {2049, 1017, 10.0, 40, {0.6, 5, 0.0, 1.0}, {1131, 1131, 1131, 1131, 1131, 1131}, -5.352625763020525},
    {1, 1018, 10.0, 40, {1.0, 50, 0.999999, 0.0}, {0, 0, 0, 0, 0, 0}, 0.0},
    {7, 1019, 10.0, 40, {2.0, 4000, 0.999999, 0.0}, {5, 3, 5, 5, 5, 5}, -0.10324771869613922},
    {300, 1020, 0.5, 60, {0.0, 0, 1.0, 0.0}, {2, 2, 2, 2, 2, 2}, -5.485292412639001},
    {5000, 1021, 10.0, 40, {0.6, 1, 1.0, 0.05}, {825, 825, 825, 825, 825, 825}, -6.231299751679245},
    {2048, 1022, 10.0, 40, {1.0, 5, 0.95, 0.05}, {1331, 1302, 702, 1331, 702, 652}, -5.377891821043455},
    {2049, 1023, 10.0, 40, {2.0, 50, 0.95, 0.05}, {1531, 1737, 959, 1393, 1098, 597}, -5.3245209526737245},
};

void test_reference() {
  for (const auto& [x_bits, want_bits] : kStrictExp) {
    double x, want;
    std::memcpy(&x, &x_bits, 8);
    std::memcpy(&want, &want_bits, 8);
    CHECK(fdlibm_exp(x) == want, "the test's exp(%a) is %a, Java's %a", x, fdlibm_exp(x), want);
  }
}

void test_java_cases(sy_device* device, const std::string& target) {
  for (const JavaCase& given : kJavaCases) {
    SplitMix64 of_logits{given.seed}, of_draws{given.seed};
    std::vector<Row> rows(1);
    rows[0].parameters = given.parameters;
    for (int64_t i = 0; i < given.vocabulary; ++i) {
      const double unit = std::ldexp(1.0, given.shift - 64);
      rows[0].logits.push_back(
          static_cast<float>(static_cast<double>(of_logits.next() >> given.shift) * unit * given.spread));
    }
    for (int32_t want : given.tokens) {
      if (given.parameters.temperature > 0) rows[0].random = of_draws.next();
      sample(device, rows, target);
      expect_choice(rows[0], want, "Java's choices, seed " + std::to_string(given.seed) + ", " + target);
    }
    CHECK(std::fabs(rows[0].log_probability - given.log_probability) <= 1e-12 * (1 + std::fabs(given.log_probability)),
          "log-probability %.17g, Java's %.17g", rows[0].log_probability, given.log_probability);
  }
}

// On both sides of where the draw goes from one token to the next: a single unit in a single weight would show.
void test_borders(sy_device* device, const std::string& target, int64_t n, Random& random) {
  std::vector<Row> rows(1);
  rows[0].logits = random_logits(n, random);
  rows[0].parameters = random_parameters(n, random);
  rows[0].parameters.temperature = random.uniform(0.05, 2);
  const Choice choice = reference(rows[0].logits, rows[0].parameters);
  uint64_t sum = 0;
  int64_t next_probe = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += choice.weights[static_cast<size_t>(i)];
    if (i < next_probe && i + 1 < n) continue;
    next_probe = i + 1 + random.integer(0, n / 4);
    for (uint64_t point : {sum - 1, sum}) {
      if (point >= choice.total) continue;  // sum 0 included, whose sum - 1 wraps
      rows[0].random = choice.random_for(point);
      sample(device, rows, target);
      expect_choice(rows[0], choice.draw(rows[0].random), "borders, " + target);
    }
  }
}

// Rows with parameters of their own in one call, each as if it were alone.
void test_batch(sy_device* device, const std::string& target, int64_t rows_count, int64_t n, Random& random) {
  std::vector<Row> rows(static_cast<size_t>(rows_count));
  for (Row& row : rows) {
    row.logits = random_logits(n, random);
    row.parameters = random_parameters(n, random);
    row.random = random_bits(random);
  }
  sample(device, rows, target);
  for (const Row& row : rows) {
    const Choice choice = reference(row.logits, row.parameters);
    expect_choice(row, row.parameters.temperature == 0 ? choice.best : choice.draw(row.random), "batch, " + target);
  }
}

void test_broken_rows(sy_device* device, const std::string& target, int64_t n) {
  for (float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
    std::vector<Row> rows(3);
    for (Row& row : rows) {
      row.logits.assign(static_cast<size_t>(n), 0.5f);
      row.parameters.temperature = &row == &rows[2] ? 0 : 1;
      row.random = 1;
    }
    for (size_t r : {1, 2}) {
      std::vector<float>& logits = rows[r].logits;
      if (bad == -HUGE_VALF) {
        std::fill(logits.begin(), logits.end(), bad);
      } else {
        (r == 1 ? logits.back() : logits.front()) = bad;
      }
    }
    sample(device, rows, target);
    expect_choice(rows[0], 0, "beside broken rows, " + target);
    for (size_t r : {1, 2}) {
      CHECK(rows[r].token == -1 && std::isnan(rows[r].log_probability), "%s: token %d of a row with %g", target.c_str(),
            rows[r].token, static_cast<double>(bad));
    }
  }
}

// A graph reads parameters and random numbers anew.
void test_graph(sy_device* device, const std::string& target, Random& random) {
  const int64_t n = 3000;
  Matrix logits(1, n);
  const std::vector<float> values = random_logits(n, random);
  std::memcpy(logits.view()->data, values.data(), values.size() * sizeof(float));
  Parameters p;
  uint64_t u = 0;
  int32_t token = -7;
  const sy_sample_args args{logits.view(), &p.temperature, &p.top_k, &p.top_p, &p.min_p, &u, &token, nullptr};
  p.temperature = 0;
  expect_ok(sy_sample(device, &args), target);
  if (sy_graph_begin(device) == SY_ERR_UNSUPPORTED) return;
  sy_graph* graph = nullptr;
  expect_ok(sy_sample(device, &args), target);
  expect_ok(sy_graph_end(device, &graph), target);
  for (int round = 0; round < 10; ++round) {
    p = random_parameters(n, random);
    u = random_bits(random);
    expect_ok(sy_graph_launch(device, graph), target);
    const Choice choice = reference(values, p);
    const int32_t want = p.temperature == 0 ? choice.best : choice.draw(u);
    CHECK(token == want, "graph, %s: token %d, expected %d", target.c_str(), token, want);
  }
  sy_graph_destroy(graph);
}

// Every weight of every CPU target, not only the sums that a draw shows.
void test_weights_of_targets() {
  Random random;
  for (const char* target : {"scalar", "avx2", "avx512", "amx"}) {
    const sambay::Ops* ops = sambay::find_ops(target);
    if (ops == nullptr) continue;
    for (int round = 0; round < 40; ++round) {
      const int64_t n = random.integer(1, 300);
      std::vector<float> logits = random_logits(n, random);
      Parameters p;
      p.temperature = round % 5 == 0 ? 0x1p-40 : random.uniform(0.01, 2);
      if (round % 7 == 0) {  // exponents around 2^-28
        for (float& logit : logits) logit = static_cast<float>(-random.uniform(0, 0x1p-27));
      }
      const float largest = *std::max_element(logits.begin(), logits.end());
      const Choice want = reference(logits, p);
      std::vector<uint64_t> got(logits.size());
      const sambay::WeightSum sum = ops->weigh_logits(logits.data(), n, largest, p.temperature, got.data());
      CHECK(got == want.weights && sum.total == want.total && sum.largest == uint64_t{1} << 42,
            "weights of target %s, round %d", target, round);
    }
  }
}

}  // namespace

int main() {
  test_reference();
  test_weights_of_targets();
  for_each_target([](sy_device* device, const std::string& target) {
    Random random;
    test_java_cases(device, target);
    for (int64_t n : {1, 2, 15, 255, 256, 257, 2047, 2049, 4097, 10000}) {
      for (int round = 0; round < 4; ++round) test_borders(device, target, n, random);
      test_batch(device, target, 3, n, random);
      test_broken_rows(device, target, n);
    }
    test_batch(device, target, 35, 700, random);
    for (int round = 0; round < 60; ++round) test_batch(device, target, 4, random.integer(1, 600), random);
    test_graph(device, target, random);
  });
  return finish();
}

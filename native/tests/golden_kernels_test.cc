// Every file of goldens/kernels: inputs in f32, outputs that another implementation computed in double precision. The
// README beside them says what each tensor is.
#include "matrix.h"
#include "safetensors.h"

using namespace sambay::test;

namespace {

Safetensors open(const std::string& name) { return Safetensors(SAMBAY_GOLDENS "/kernels/" + name + ".safetensors"); }

// As [first dimension, all others].
Matrix matrix(const Golden& golden) {
  const int64_t rows = golden.shape.at(0), cols = static_cast<int64_t>(golden.values.size()) / rows;
  Matrix result(rows, cols, SY_F32, 1);
  for (int64_t i = 0; i < rows * cols; ++i) result.set(i / cols, i % cols, golden.values[static_cast<size_t>(i)]);
  return result;
}
Matrix row(const Golden& golden) {
  Golden flat = golden;
  flat.shape = {1, static_cast<int64_t>(golden.values.size())};
  return matrix(flat);
}
Matrix transposed(const Golden& golden) {
  const Matrix from = matrix(golden);
  Matrix result(from.cols(), from.rows());
  for (int64_t r = 0; r < from.rows(); ++r) {
    for (int64_t c = 0; c < from.cols(); ++c) result.set(c, r, from.at(r, c));
  }
  return result;
}

void selective_scan(sy_device* device, const std::string& target) {
  for (const char* variant : {"plain", "z", "state", "z_state", "extreme_dt"}) {
    const Safetensors file = open(std::string("selective_scan.") + variant);
    const std::string what = std::string("selective_scan.") + variant + ", " + target;
    Matrix bias = row(file["dt_bias"]), a = transposed(file["A"]), d = row(file["D"]);
    // Without state_in whatever the slot holds must be ignored.
    Matrix state = transposed(file[file.has("state_in") ? "state_in" : "state_out"]);
    int64_t position = file.has("state_in") ? 5 : 0;
    for (const std::string step : {"", "step."}) {
      Matrix u = matrix(file[step + "u"]), dt = matrix(file[step + "dt"]);
      Matrix b = matrix(file[step + "B"]), c = matrix(file[step + "C"]);
      Matrix z = matrix(file[step + (file.has("z") ? "z" : "u")]);
      Matrix y(u.rows(), u.cols(), SY_F32, 3);
      Batch batch;
      batch.add(u.rows(), 0, position);
      const sy_selective_scan_args args{batch.get(),  u.view(), dt.view(),
                                        bias.view(),  a.view(), b.view(),
                                        c.view(),     d.view(), file.has("z") ? z.view() : nullptr,
                                        state.view(), y.view(), nullptr};
      expect_ok(sy_selective_scan(device, &args), what);
      expect_near(y, file[step + "y"].values, step + "y of " + what);
      expect_near(state, transposed(file[step + "state_out"]).values(), step + "state_out of " + what);
      position += u.rows();
    }
  }
}

void causal_conv1d(sy_device* device, const std::string& target) {
  const Safetensors file = open("causal_conv1d");
  Matrix weight = transposed(file["w"]), bias = row(file["b"]);
  Matrix tail(3, weight.cols());  // NaN, to be ignored at position 0
  int64_t position = 0;
  for (int piece = 0; piece < 6; ++piece) {
    const std::string n = std::to_string(piece);
    Matrix x = matrix(file["x" + n]), y(x.rows(), x.cols(), SY_F32, 2);
    Batch batch;
    batch.add(x.rows(), 0, position);
    const sy_causal_conv1d_args args{batch.get(), x.view(), weight.view(), bias.view(), tail.view(), y.view()};
    expect_ok(sy_causal_conv1d(device, &args), target);
    expect_near(y, file["y" + n].values, "causal_conv1d y" + n + ", " + target);
    expect_near(tail, file["tail" + n].values, "causal_conv1d tail" + n + ", " + target);
    position += x.rows();
  }
}

void attention(sy_device* device, const std::string& target) {
  for (const char* variant :
       {"chunk_window", "decode_full", "decode_window", "prefill_full", "prefill_window", "single"}) {
    const Safetensors file = open(std::string("attention.") + variant);
    Matrix q = matrix(file["q"]), k = matrix(file["k"]), v = matrix(file["v"]), subln = row(file["subln"]);
    const int32_t heads = static_cast<int32_t>(file["q"].shape.at(1)), d = static_cast<int32_t>(file["q"].shape.at(2));
    const int32_t kv_heads = static_cast<int32_t>(file["k"].shape.at(1));
    const int32_t window = static_cast<int32_t>(file["window"].values[0]);
    const float scale = 1 / std::sqrt(static_cast<float>(d));
    const float lambda = static_cast<float>(file["lambda_full"].values[0]);
    const float out_scale = static_cast<float>(1 - (0.8 - 0.6 * std::exp(-0.3 * file["depth"].values[0])));
    const int64_t total = k.rows(), past = total - q.rows();
    Batch batch;
    batch.add(q.rows(), 0, past);
    const int32_t table[] = {0};
    const sy_kv kv{*k.view(), *v.view(), static_cast<int32_t>(total), 1, table};  // all keys, as one block
    sy_tensor own_k = k.part(past, q.rows(), 0, k.cols()), own_v = v.part(past, q.rows(), 0, v.cols());
    for (bool own : {false, true}) {
      const std::string what = std::string("attention.") + variant + (own ? ", own keys, " : ", cache, ") + target;
      Matrix y(q.rows(), q.cols(), SY_F32, 5);
      const sy_attention_args plain{
          batch.get(), q.view(), own ? &own_k : nullptr, own ? &own_v : nullptr, &kv, y.view(), heads, kv_heads, d,
          window,      scale};
      expect_ok(sy_attention(device, &plain), what);
      expect_near(y, file["out_plain"].values, "out_plain of " + what);
      const sy_diff_attention_args diff{batch.get(),
                                        q.view(),
                                        own ? &own_k : nullptr,
                                        own ? &own_v : nullptr,
                                        &kv,
                                        subln.view(),
                                        y.view(),
                                        heads,
                                        kv_heads,
                                        d,
                                        window,
                                        scale,
                                        lambda,
                                        out_scale,
                                        1e-5f};
      expect_ok(sy_diff_attention(device, &diff), what);
      expect_near(y, file["out_diff"].values, "out_diff of " + what);
    }
  }
}

Matrix linear(sy_device* device, Matrix& x, const Golden& weight, const std::string& what) {
  Matrix rows = matrix(weight), y(x.rows(), rows.rows());
  sy_weight* packed = nullptr;
  expect_ok(sy_weight_create(device, rows.rows(), rows.cols(), SY_F32, &packed), what);
  expect_ok(sy_weight_set_rows(device, packed, 0, rows.view()), what);
  const sy_linear_args args{x.view(), nullptr, packed, nullptr, nullptr, y.view(), 0};
  expect_ok(sy_linear(device, &args), what);
  sy_weight_destroy(packed);
  return y;
}

void gmu(sy_device* device, const std::string& target) {
  const Safetensors file = open("gmu");
  Matrix x = matrix(file["x"]), memory = matrix(file["memory"]), norm = row(file["norm_weight"]);
  Matrix gate = linear(device, x, file["in_proj"], target);
  expect_near(gate, file["gate"].values, "gmu gate, " + target);
  struct Form {
    sy_tensor* norm;
    int32_t groups;
    const char *gated, *out;
  };
  for (const Form& form : {Form{nullptr, 1, "gated", "out"},
                           {norm.view(), 1, "gated_norm", "out_norm"},
                           {norm.view(), 2, "gated_norm_group", nullptr}}) {
    Matrix y(gate.rows(), gate.cols());
    const sy_gmu_args args{gate.view(), memory.view(), form.norm, y.view(), 1e-5f, form.groups};
    expect_ok(sy_gmu(device, &args), target);
    expect_near(y, file[form.gated].values, std::string("gmu ") + form.gated + ", " + target);
    if (form.out == nullptr) continue;
    const Matrix out = linear(device, y, file["out_proj"], target);
    expect_near(out, file[form.out].values, std::string("gmu ") + form.out + ", " + target);
  }
}

// Row by row: each has its own scale.
void norms(sy_device* device, const std::string& target) {
  const Safetensors file = open("norms");
  Matrix x = matrix(file["x"]), weight = row(file["w"]), bias = row(file["b"]);
  for (int64_t r = 0; r < x.rows(); ++r) {
    sy_tensor one = x.part(r, 1, 0, x.cols());
    Matrix y(1, x.cols());
    const auto want = [&](const char* name) {
      const Doubles& all = file[name].values;
      return Doubles(all.begin() + r * x.cols(), all.begin() + (r + 1) * x.cols());
    };
    const sy_layer_norm_args layer{&one, weight.view(), bias.view(), y.view(), 1e-5f};
    expect_ok(sy_layer_norm(device, &layer), target);
    expect_near(y, want("layer_norm"), "layer_norm row " + std::to_string(r) + ", " + target);
    const sy_rms_norm_args rms{&one, weight.view(), y.view(), 1e-5f};
    expect_ok(sy_rms_norm(device, &rms), target);
    expect_near(y, want("rms_norm"), "rms_norm row " + std::to_string(r) + ", " + target);
  }
}

void swiglu(sy_device* device, const std::string& target) {
  const Safetensors file = open("swiglu");
  const Matrix gate = row(file["gate"]), up = row(file["up"]);
  const int64_t n = gate.cols();
  Matrix gate_up(1, 2 * n), y(1, n);
  for (int64_t c = 0; c < n; ++c) {
    gate_up.set(0, c, gate.at(0, c));
    gate_up.set(0, n + c, up.at(0, c));
  }
  const sy_swiglu_args args{gate_up.view(), y.view()};
  expect_ok(sy_swiglu(device, &args), target);
  expect_near(y, file["swiglu"].values, "swiglu, " + target);

  // softplus has no operation of its own; with a = 0 and ones elsewhere the scan's first y is softplus(delta).
  Matrix ones = row(file["gate"]), zeros = row(file["gate"]), one(1, 1), state(1, n), delta = row(file["gate"]);
  for (int64_t c = 0; c < n; ++c) {
    ones.set(0, c, 1);
    zeros.set(0, c, 0);
  }
  one.set(0, 0, 1);
  Batch batch;
  batch.add(1, 0, 0);
  const sy_selective_scan_args scan{batch.get(), ones.view(), delta.view(), nullptr,      zeros.view(), one.view(),
                                    one.view(),  nullptr,     nullptr,      state.view(), y.view(),     nullptr};
  expect_ok(sy_selective_scan(device, &scan), target);
  const Doubles& want = file["softplus_of_gate"].values;
  expect_near(y, want, "softplus_of_gate, " + target);
  for (int64_t c = 0; c < n; ++c) {  // each value by its own size, for gates around -90 too
    const double expected = want[static_cast<size_t>(c)];
    CHECK(std::fabs(y.at(0, c) - expected) <= 2e-6 * expected + 1e-44, "softplus(%g) is %g, expected %g, %s",
          gate.at(0, c), y.at(0, c), expected, target.c_str());
  }
}

void rope(sy_device* device, const std::string& target) {
  const Safetensors file = open("rope");
  Matrix x = matrix(file["x"]);
  const Doubles &factors = file["factors"].values, &positions = file["pos"].values;
  const int64_t half = static_cast<int64_t>(factors.size());
  const int64_t rows = static_cast<int64_t>(*std::max_element(positions.begin(), positions.end())) + 1;
  const double theta = file["theta"].values[0], scaling = file["scaling"].values[0];
  Matrix cos(rows, half), sin(rows, half);
  for (int64_t p = 0; p < rows; ++p) {
    for (int64_t j = 0; j < half; ++j) {
      const double exponent = static_cast<double>(j) / static_cast<double>(half);
      const double angle = static_cast<double>(p) / (factors[static_cast<size_t>(j)] * std::pow(theta, exponent));
      cos.set(p, j, std::cos(angle) * scaling);
      sin.set(p, j, std::sin(angle) * scaling);
    }
  }
  Batch batch;
  for (size_t i = 0; i < positions.size(); ++i) {
    batch.add(1, static_cast<int32_t>(i), static_cast<int64_t>(positions[i]));
  }
  const int32_t head_dim = static_cast<int32_t>(file["x"].shape.at(2));
  const sy_rope_args args{batch.get(), x.view(), cos.view(), sin.view(), head_dim};
  expect_ok(sy_rope(device, &args), target);
  expect_near(x, file["out"].values, "rope, " + target);
}

}  // namespace

int main() {
  for_each_target([](sy_device* device, const std::string& target) {
    selective_scan(device, target);
    causal_conv1d(device, target);
    attention(device, target);
    gmu(device, target);
    norms(device, target);
    swiglu(device, target);
    rope(device, target);
  });
  return finish();
}

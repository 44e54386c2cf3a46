// Steps recorded as a graph on a card give the same bits as the same calls one by one, with host arrays that change
// from launch to launch; values that no call would take are refused at the launch, and the graph lives on.
#include <cstring>
#include <vector>

#include "matrix.h"

using namespace sambay::test;

namespace {

constexpr int64_t kInner = 64, kTaps = 4, kState = 16, kSlots = 5, kPositions = 40, kHead = 16;

// What one decode step of a few sequences does with host arrays in it: choose rows, convolve, scan, turn.
struct Step {
  explicit Step(int32_t sequences) : Step(sequences, Random(5)) {}
  Step(int32_t sequences, Random random)
      : n(sequences),
        table(random.matrix(9, kInner)),
        conv_weight(random.matrix(kTaps, kInner)),
        a(random.matrix(kState, kInner)),
        b(random.matrix(n, kState)),
        c(random.matrix(n, kState)),
        cosines(random.matrix(kPositions, kHead / 2)),
        sines(random.matrix(kPositions, kHead / 2)),
        tail(random.matrix(kSlots * (kTaps - 1), kInner)),
        state(random.matrix(kSlots * kState, kInner)),
        x(n, kInner),
        convolved(n, kInner),
        y(n, kInner),
        rows(static_cast<size_t>(n)) {
    for (int64_t i = 0; i < kState; ++i) {
      for (int64_t j = 0; j < kInner; ++j) a.set(i, j, -std::fabs(a.at(i, j)));
    }
    for (int32_t s = 0; s < n; ++s) batch.add(1, s, 3);
  }

  sy_status run(sy_device* device) {
    const sy_gather_rows_args gather{table.view(), rows.data(), x.view()};
    const sy_causal_conv1d_args conv{batch.get(), x.view(), conv_weight.view(), nullptr, tail.view(), convolved.view()};
    const sy_selective_scan_args scan{batch.get(), convolved.view(), x.view(), nullptr,      a.view(), b.view(),
                                      c.view(),    nullptr,          nullptr,  state.view(), y.view(), nullptr};
    const sy_rope_args turn{batch.get(), y.view(), cosines.view(), sines.view(), kHead};
    for (sy_status status : {sy_gather_rows(device, &gather), sy_causal_conv1d(device, &conv),
                             sy_selective_scan(device, &scan), sy_rope(device, &turn)}) {
      if (status != SY_OK) return status;
    }
    return SY_OK;
  }

  // The arrays of step `t`.
  void prepare(int32_t t) {
    for (int32_t s = 0; s < n; ++s) {
      const auto i = static_cast<size_t>(s);
      rows[i] = (3 * t + s) % 9;
      batch.slot[i] = (s + t) % static_cast<int32_t>(kSlots);
      batch.position[i] = s == 0 && t == 2 ? 0 : 3 + t;  // a sequence that begins anew
    }
  }

  int64_t n;
  Matrix table, conv_weight, a, b, c, cosines, sines, tail, state, x, convolved, y;
  std::vector<int32_t> rows;
  Batch batch;
};

sy_graph* record(Step& step) {
  expect_ok(sy_graph_begin(card()), "begin");
  expect_ok(step.run(card()), "recording");
  sy_graph* graph = nullptr;
  expect_ok(sy_graph_end(card(), &graph), "end");
  return graph;
}

void launches_equal_calls() {
  for (int32_t sequences : {1, 3}) {
    Step called(sequences), launched(sequences);
    launched.prepare(0);
    expect_ok(launched.run(card()), "a run before the recording");
    expect_ok(sy_synchronize(card()), "synchronize");
    sy_graph* graph = record(launched);
    if (graph == nullptr) return;
    std::memcpy(launched.tail.view()->data, called.tail.view()->data, kSlots * (kTaps - 1) * kInner * sizeof(float));
    std::memcpy(launched.state.view()->data, called.state.view()->data, kSlots * kState * kInner * sizeof(float));
    for (int32_t t = 0; t < 6; ++t) {
      called.prepare(t);
      launched.prepare(t);
      expect_ok(called.run(card()), "calls");
      expect_ok(sy_graph_launch(card(), graph), "launch");
      expect_ok(sy_synchronize(card()), "synchronize");
      CHECK(launched.y.same_bytes(called.y), "y of step %d of %d sequences differs", t, sequences);
      CHECK(launched.state.same_bytes(called.state), "state of step %d of %d sequences differs", t, sequences);
      CHECK(launched.tail.same_bytes(called.tail), "tail of step %d of %d sequences differs", t, sequences);
    }
    sy_graph_destroy(graph);
  }
}

void expect_refused(sy_graph* graph, const char* part) {
  const sy_status status = sy_graph_launch(card(), graph);
  CHECK(status != SY_OK && std::strstr(sy_last_error(), part) != nullptr, "status %d, \"%s\", expected \"%s\"", status,
        sy_last_error(), part);
}

void values_out_of_range_are_refused() {
  Step step(3);
  step.prepare(1);
  expect_ok(step.run(card()), "a run before the recording");
  sy_graph* graph = record(step);
  if (graph == nullptr) return;
  step.rows[2] = 9;
  expect_refused(graph, "rows[2] is 9, expected 0 to 8");
  step.prepare(1);
  step.batch.slot[1] = 5;
  expect_refused(graph, "batch.slot[1] is 5");
  step.batch.slot[1] = step.batch.slot[0];
  expect_refused(graph, "twice");
  step.prepare(1);
  step.batch.position[0] = kPositions;
  expect_refused(graph, "cos has 40 rows");
  step.batch.position[0] = -1;
  expect_refused(graph, "batch.position[0] is -1");
  step.prepare(1);
  step.batch.seq_start[1] = 2;
  expect_refused(graph, "seq_start is not what it was");
  step.batch.seq_start[1] = 1;
  expect_ok(sy_graph_launch(card(), graph), "a sound launch after the refused ones");
  sy_graph_destroy(graph);
}

void a_failure_while_recording_leaves_no_graph() {
  Step step(3);
  step.prepare(0);
  expect_ok(step.run(card()), "a run");
  expect_ok(sy_graph_begin(card()), "begin");
  expect_ok(step.run(card()), "recording");
  step.rows[0] = -1;
  CHECK(step.run(card()) == SY_ERR_ARGUMENT, "rows out of range were recorded");  // refused before the card sees it
  step.rows[0] = 0;
  sy_graph* graph = nullptr;
  expect_ok(sy_graph_end(card(), &graph), "a call that src/api refused is no part of the recording");
  sy_graph_destroy(graph);
  expect_ok(step.run(card()), "a run after it");
}

void recordings_end_with_their_device() {
  sy_device* device = nullptr;
  expect_ok(sy_device_create("cuda", "auto", 0, &device), "another device on the card");
  expect_ok(sy_graph_begin(device), "begin");
  sy_device_destroy(device);
}

}  // namespace

int main() {
  if (device_under_test() == "cpu") {
    std::printf("skipped: SAMBAY_TEST_DEVICE names no card\n");
    return 77;
  }
  launches_equal_calls();
  values_out_of_range_are_refused();
  a_failure_while_recording_leaves_no_graph();
  recordings_end_with_their_device();
  return finish();
}

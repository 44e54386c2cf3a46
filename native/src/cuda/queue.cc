#include "cuda/queue.h"

#include <algorithm>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "api/error.h"

namespace sambay::cuda {

namespace {

// Kernels overlap their predecessors from compute capability 9.0 on, where SAMBAY_CUDA_OVERLAP is 1: off until it has
// been measured.
bool overlap_wanted() {
  const char* wanted = std::getenv("SAMBAY_CUDA_OVERLAP");
  return wanted != nullptr && std::strcmp(wanted, "1") == 0;
}

}  // namespace

Queue::Queue(int index)
    : properties_(runtime::open_device(index)),
      overlap_(properties_.overlaps_launches && overlap_wanted()),
      stream_(runtime::create_stream()) {
  staging_ = std::make_unique<Staging>(stream_);
}

Queue::~Queue() {
  abandon_capture();
  staging_.reset();
  runtime::destroy(stream_);
}

void Queue::launch(const Launch& call) {
  if (call.grid.x == 0 || call.grid.y == 0 || call.grid.z == 0) return;
  if (call.shared_bytes > properties_.shared_bytes_per_block) {
    throw Failure(SY_ERR_INTERNAL, "a kernel asks for %" PRId64 " bytes of shared memory, %s has %" PRId64,
                  call.shared_bytes, properties_.name, properties_.shared_bytes_per_block);
  }
  constexpr int64_t kMostX = INT32_MAX, kMostYZ = 65535;
  if (call.grid.x > kMostX || call.grid.y > kMostYZ || call.grid.z > kMostYZ) {
    throw Failure(SY_ERR_UNSUPPORTED,
                  "the matrices are too large for one call: a grid of %" PRId64 " x %" PRId64 " x %" PRId64
                  " blocks, a card takes at most %" PRId64 " x %" PRId64 " x %" PRId64,
                  call.grid.x, call.grid.y, call.grid.z, kMostX, kMostYZ, kMostYZ);
  }
  runtime::launch(call, stream_);
}

// ---- memory for one operation
// -----------------------------------------------------------------------------------------

char* Queue::take(Arena& arena, int64_t bytes, const char* what) {
  if (capturing() && !arena.has(bytes)) {
    throw Failure(SY_ERR_ARGUMENT,
                  "the capture needs %" PRId64
                  " bytes of %s, more than any operation before it did; run the same "
                  "operations once without a capture first",
                  bytes, what);
  }
  return arena.take(bytes);
}

void* Queue::scratch(int64_t bytes) { return take(scratch_, bytes, "working memory"); }

uint32_t* Queue::counters(int64_t n) {
  const int64_t bytes = n * static_cast<int64_t>(sizeof(uint32_t));
  if (counters_ == nullptr || counters_->bytes() - counters_used_ < bytes) {
    expect_no_capture("counters are taken that no operation before it needed");
    if (counters_ != nullptr) outgrown_counters_.push_back(counters_);  // this operation may have some of them
    counters_ = std::make_shared<DeviceMemory>(std::max(2 * (counters_used_ + aligned(bytes)), kFirstCounters));
    counters_used_ = 0;
    runtime::fill_zero(counters_->data(), counters_->bytes(), stream_);
  }
  auto* result = reinterpret_cast<uint32_t*>(counters_->data() + counters_used_);
  counters_used_ += aligned(bytes);
  return result;
}

void Queue::expect_no_capture(const char* what) const {
  if (capturing()) throw Failure(SY_ERR_ARGUMENT, "during a capture %s", what);
}

// ---- host arrays
// ------------------------------------------------------------------------------------------------------

// The arrays of a batch come with every operation of a forward pass: one look at them here is cheaper than a copy.
const void* Queue::send(const void* host, int64_t bytes) {
  const auto* first = static_cast<const char*>(host);
  for (SentArray& known : sent_) {
    if (known.array.host != host || known.array.bytes != bytes) continue;
    if (!std::equal(known.contents.begin(), known.contents.end(), first)) {
      upload(known.array.device, host, bytes);  // after what is on the queue has read it
      known.contents.assign(first, first + bytes);
    }
    return known.array.device;
  }
  char* device = inputs_.take(bytes);
  sent_bytes_ += bytes;
  upload(device, host, bytes);
  if (bytes <= kLargestRemembered) sent_.push_back({{host, bytes, device}, {first, first + bytes}});
  return device;
}

const void* Queue::input(const void* host, int64_t bytes) {
  if (bytes == 0) return nullptr;
  if (!capturing()) return send(host, bytes);
  for (const HostArray& known : recording_->inputs_) {
    if (known.host == host && known.bytes == bytes) return known.device;
  }
  recording_->inputs_.push_back({host, bytes, recording_->take(bytes)});
  return recording_->inputs_.back().device;
}

void* Queue::output(void* host, int64_t bytes) {
  if (bytes == 0) return nullptr;
  if (capturing()) {
    recording_->outputs_.push_back({host, bytes, recording_->take(bytes)});
    return recording_->outputs_.back().device;
  }
  outputs_.push_back({host, bytes, scratch_.take(bytes)});
  return outputs_.back().device;
}

// All outputs with one wait.
void Queue::deliver(const std::vector<HostArray>& outputs) {
  int64_t total = 0;
  for (const HostArray& output : outputs) total += aligned(output.bytes);
  if (total == 0) return;
  if (total > Staging::kBlock) {
    for (const HostArray& output : outputs) download(const_cast<void*>(output.host), output.device, output.bytes);
    return;
  }
  char* const pinned = staging_->take(total);
  char* place = pinned;
  for (const HostArray& output : outputs) {
    runtime::copy_to_host(place, output.device, output.bytes, stream_);
    place += aligned(output.bytes);
  }
  runtime::synchronize(stream_);
  place = pinned;
  for (const HostArray& output : outputs) {
    std::memcpy(const_cast<void*>(output.host), place, static_cast<size_t>(output.bytes));
    place += aligned(output.bytes);
  }
}

// ---- operations
// -------------------------------------------------------------------------------------------------------

void Queue::begin_operation() {
  runtime::use_device(properties_.index);
  outputs_.clear();
  counters_used_ = 0;
  if (capturing()) {
    scratch_.rewind();
  } else {
    scratch_.reset();
    outgrown_counters_.clear();
    if (sent_.size() > kMostSent || sent_bytes_ > kMostSentBytes) {
      sent_.clear();
      sent_bytes_ = 0;
      inputs_.reset();
    }
  }
}

void Queue::finish_operation() {
  if (!capturing()) deliver(outputs_);
  outputs_.clear();
}

// ---- copies
// -----------------------------------------------------------------------------------------------------------

void Queue::upload(void* device, const void* host, int64_t bytes) {
  expect_no_capture("nothing can be uploaded");
  for (int64_t done = 0; done < bytes;) {
    const int64_t piece = std::min(bytes - done, Staging::kBlock);
    char* pinned = staging_->take(piece);
    std::memcpy(pinned, static_cast<const char*>(host) + done, static_cast<size_t>(piece));
    runtime::copy_to_device(static_cast<char*>(device) + done, pinned, piece, stream_);
    done += piece;
  }
}

void Queue::download(void* host, const void* device, int64_t bytes) {
  expect_no_capture("nothing can be downloaded");
  for (int64_t done = 0; done < bytes;) {
    const int64_t piece = std::min(bytes - done, Staging::kBlock);
    char* pinned = staging_->take(piece);
    runtime::copy_to_host(pinned, static_cast<const char*>(device) + done, piece, stream_);
    runtime::synchronize(stream_);
    std::memcpy(static_cast<char*>(host) + done, pinned, static_cast<size_t>(piece));
    done += piece;
  }
}

void Queue::zero(void* device, int64_t bytes) {
  if (bytes > 0) runtime::fill_zero(device, bytes, stream_);
}

void Queue::synchronize() {
  expect_no_capture("the device cannot be waited for");
  runtime::synchronize(stream_);
}

// ---- graphs
// -----------------------------------------------------------------------------------------------------------

Graph::~Graph() {
  if (work_ != nullptr) runtime::destroy(work_);
}

char* Graph::take(int64_t bytes) {
  const int64_t offset = taken_;
  if (aligned(bytes) > arrays_->bytes() - offset) {
    throw Failure(SY_ERR_ARGUMENT,
                  "the host arrays of a graph may hold %" PRId64 " bytes, %" PRId64 " more were wanted",
                  arrays_->bytes(), bytes);
  }
  taken_ += aligned(bytes);
  return arrays_->data() + offset;
}

void Queue::begin_capture() {
  expect_no_capture("another cannot begin");
  scratch_.reset();
  auto graph = std::make_unique<Graph>();
  graph->arrays_ = std::make_unique<DeviceMemory>(Graph::kArrayBytes);
  runtime::begin_capture(stream_);
  recording_ = std::move(graph);
}

std::unique_ptr<Graph> Queue::end_capture() {
  if (!capturing()) throw Failure(SY_ERR_ARGUMENT, "no capture has begun");
  std::unique_ptr<Graph> graph = std::move(recording_);
  graph->work_ = runtime::end_capture(stream_);
  graph->used_ = scratch_.pieces();
  if (counters_ != nullptr) graph->used_.push_back(counters_);
  return graph;
}

void Queue::abandon_capture() noexcept {
  if (!capturing()) return;
  recording_.reset();
  try {
    runtime::destroy(runtime::end_capture(stream_));
  } catch (const Failure&) {
    // What made the capture fail has been reported; the stream is free again either way.
  }
}

void Queue::launch(Graph& graph) {
  expect_no_capture("a graph cannot be launched");
  // Inputs and outputs share one piece of device memory; the inputs' part of it goes up in one copy.
  const int64_t bytes = graph.input_end();
  if (bytes > 0) {
    char* pinned = staging_->take(bytes);
    for (const HostArray& array : graph.inputs_) {
      std::memcpy(pinned + (array.device - graph.arrays_->data()), array.host, static_cast<size_t>(array.bytes));
    }
    runtime::copy_to_device(graph.arrays_->data(), pinned, bytes, stream_);
  }
  runtime::launch(graph.work_, stream_);
  deliver(graph.outputs_);
}

}  // namespace sambay::cuda

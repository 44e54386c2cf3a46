// One device and its ordered queue of work: what an operation needs to start its kernels. An operation is
//   void rms_norm(Queue&, const sy_rms_norm_args&)
// and everything it puts on the queue runs in order, some time later, after everything that was put there before.
#ifndef SAMBAY_CUDA_QUEUE_H_
#define SAMBAY_CUDA_QUEUE_H_

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "cuda/memory.h"
#include "cuda/runtime.h"

namespace sambay::cuda {

// A kernel whose params struct says `static constexpr bool kWaitsForPrevious = true` calls grid_dependency_wait() in
// every block, before its first access to anything an earlier kernel may touch, and so may start while that one still
// runs.
template <class P, class = void>
struct WaitsForPrevious : std::false_type {};
template <class P>
struct WaitsForPrevious<P, std::void_t<decltype(P::kWaitsForPrevious)>> : std::bool_constant<P::kWaitsForPrevious> {};

// A host array and its place on the device.
struct HostArray {
  const void* host;
  int64_t bytes;
  char* device;
};

// Work captured once and launched many times. The host arrays that were given to Queue::input are read again at each
// launch from the same addresses, and outputs are written to theirs.
class Graph;

class Queue {
 public:
  // Opens device `index`, or throws the one sentence that says why not.
  explicit Queue(int index);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  const DeviceProperties& properties() const { return properties_; }

  // Runs kernel(params) over the grid. A grid without blocks is nothing to do.
  template <class P>
  void launch(void (*kernel)(P), Dim3 grid, Dim3 block, int64_t shared_bytes, const P& params) {
    static_assert(std::is_trivially_copyable_v<P> && sizeof(P) <= 4096, "params are copied bit by bit, 4 KB at most");
    Launch call{reinterpret_cast<const void*>(kernel),  &params, sizeof(P), grid, block, shared_bytes,
                WaitsForPrevious<P>::value && overlap_, nullptr};
#if defined(SAMBAY_SIMT_HOST)
    call.run_on_host = [](const void* function, const void* values) {
      reinterpret_cast<void (*)(P)>(const_cast<void*>(function))(*static_cast<const P*>(values));
    };
#endif
    launch(call);
  }

  // Working memory on the device for the current operation, 256-byte aligned, of undefined contents. The next operation
  // gets the same memory. Failure if a capture needs more than any operation before it.
  void* scratch(int64_t bytes);
  template <class T>
  T* scratch_of(int64_t n) {
    return static_cast<T*>(scratch(n * static_cast<int64_t>(sizeof(T))));
  }

  // n zeroed counters for the current operation, for last_arriver, which leaves them at zero.
  uint32_t* counters(int64_t n);

  // A device copy of the host array [n], valid for the current operation. In a captured graph the copy is made anew
  // from the same address at each launch.
  template <class T>
  const T* input(const T* host, int64_t n) {
    return static_cast<const T*>(input(static_cast<const void*>(host), n * static_cast<int64_t>(sizeof(T))));
  }

  // Device memory [n] that is copied to `host` when the operation, or each launch of the graph, has run.
  template <class T>
  T* output(T* host, int64_t n) {
    return static_cast<T*>(output(static_cast<void*>(host), n * static_cast<int64_t>(sizeof(T))));
  }

  bool capturing() const { return recording_ != nullptr; }

  // ---- for the plug-in
  // --------------------------------------------------------------------------------------------------

  // Around each operation. finish_operation waits for the device if the operation has outputs.
  void begin_operation();
  void finish_operation();

  // Host memory of any kind; it may be reused when the call returns.
  void upload(void* device, const void* host, int64_t bytes);
  void download(void* host, const void* device, int64_t bytes);
  void zero(void* device, int64_t bytes);
  void synchronize();

  void begin_capture();
  std::unique_ptr<Graph> end_capture();
  // Forgets what was captured, after a failure.
  void abandon_capture() noexcept;
  void launch(Graph& graph);

  runtime::Stream stream() const { return stream_; }

 private:
  friend class Graph;

  // An array of the host that the device has, and its contents when it was sent.
  struct SentArray {
    HostArray array;
    std::vector<char> contents;
  };
  static constexpr size_t kMostSent = 128;
  static constexpr int64_t kMostSentBytes = 8 << 20;
  static constexpr int64_t kLargestRemembered = 1 << 20;

  void launch(const Launch& call);
  const void* input(const void* host, int64_t bytes);
  const void* send(const void* host, int64_t bytes);
  void* output(void* host, int64_t bytes);
  char* take(Arena& arena, int64_t bytes, const char* what);
  void expect_no_capture(const char* what) const;
  void deliver(const std::vector<HostArray>& outputs);

  DeviceProperties properties_;
  bool overlap_;  // programmatic dependent launch
  runtime::Stream stream_ = nullptr;
  std::unique_ptr<Staging> staging_;
  Arena scratch_;
  Arena inputs_;
  std::vector<SentArray> sent_;  // their place is in inputs_
  int64_t sent_bytes_ = 0;
  static constexpr int64_t kFirstCounters = 64 << 10;
  std::shared_ptr<DeviceMemory> counters_;
  Arena::Pieces outgrown_counters_;
  int64_t counters_used_ = 0;
  std::vector<HostArray> outputs_;
  std::unique_ptr<Graph> recording_;
};

class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

 private:
  friend class Queue;
  static constexpr int64_t kArrayBytes = 4 << 20;
  static_assert(kArrayBytes <= Staging::kBlock);

  char* take(int64_t bytes);
  // The bytes from the begin of arrays_ to the end of the last input.
  int64_t input_end() const {
    return inputs_.empty() ? 0 : inputs_.back().device + inputs_.back().bytes - arrays_->data();
  }

  runtime::Graph work_ = nullptr;
  std::unique_ptr<DeviceMemory> arrays_;  // of inputs and outputs
  int64_t taken_ = 0;
  std::vector<HostArray> inputs_;
  std::vector<HostArray> outputs_;
  Arena::Pieces used_;  // scratch and counters live as long as the graph
};

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_QUEUE_H_

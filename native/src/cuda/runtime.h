// Everything the backend asks of the CUDA runtime, and nothing more. Two implementations: runtime.cu, and the twin of
// native/tests/simt, where device memory is ordinary memory and a launch runs at once. Errors are thrown as Failure.
#ifndef SAMBAY_CUDA_RUNTIME_H_
#define SAMBAY_CUDA_RUNTIME_H_

#include <cstddef>
#include <cstdint>

namespace sambay::cuda {

struct DeviceProperties {
  char name[256];
  int index;
  int capability;          // 10 * major + minor of the compute capability: 80, 90, 120
  bool overlaps_launches;  // programmatic dependent launch
  int multiprocessors;
  int64_t memory_bytes;
  int64_t l2_bytes;
  int64_t shared_bytes_per_block;  // the most a launch may ask for
  int64_t shared_bytes_per_multiprocessor;
};

// Extent of a grid or a block.
struct Dim3 {
  Dim3(int64_t x_extent = 1, int64_t y_extent = 1, int64_t z_extent = 1) : x(x_extent), y(y_extent), z(z_extent) {}
  int64_t x, y, z;
};

// A kernel of one params struct and what it is started with.
struct Launch {
  const void* kernel;
  const void* params;
  size_t params_bytes;
  Dim3 grid, block;
  int64_t shared_bytes;
  bool overlaps_previous;  // programmatic dependent launch: the kernel calls grid_dependency_wait()
  void (*run_on_host)(const void* kernel, const void* params);  // null in the CUDA build
};

namespace runtime {

using Stream = struct StreamHandle*;
using Event = struct EventHandle*;
using Graph = struct GraphHandle*;  // captured work, ready to be launched

// Makes the device current for this thread. Every other function acts on the current device.
void use_device(int index);
// The same, for the first time: says in one sentence why there is none, if so.
DeviceProperties open_device(int index);

void memory(int64_t* free_bytes, int64_t* total_bytes);
// Not zeroed. allocate() says how much is free when it is not enough.
void* allocate(int64_t bytes);
void free(void* device) noexcept;
// Fails unless all of it is memory of the current device, whose number is `index`, or managed memory.
void expect_device_memory(const void* data, int64_t bytes, int index);
void* allocate_pinned(int64_t bytes);
void free_pinned(void* host) noexcept;

Stream create_stream();
void* native(Stream stream);  // its cudaStream_t
void destroy(Stream stream) noexcept;
// Waits until all work of the stream has run, and reports what went wrong in any of it.
void synchronize(Stream stream);
// What one of the two is given from now on runs after what the other has been given so far. `foreign` is somebody
// else's cudaStream_t on the current device.
void order_after_foreign(Stream stream, void* foreign);
void order_before_foreign(Stream stream, void* foreign);

Event create_event();
void destroy(Event event) noexcept;
void record(Event event, Stream stream);
void wait(Event event);  // the calling thread waits; at once if never recorded
double seconds_between(Event begin, Event end);

// In the order of the stream; host memory is pinned.
void copy_to_device(void* device, const void* host, int64_t bytes, Stream stream);
void copy_to_host(void* host, const void* device, int64_t bytes, Stream stream);
void fill_zero(void* device, int64_t bytes, Stream stream);
void launch(const Launch& launch, Stream stream);

// Between the two, launches and fills are recorded and not run. end_capture destroys what was recorded if it fails.
void begin_capture(Stream stream);
Graph end_capture(Stream stream);
void launch(Graph graph, Stream stream);
void destroy(Graph graph) noexcept;

}  // namespace runtime
}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_RUNTIME_H_

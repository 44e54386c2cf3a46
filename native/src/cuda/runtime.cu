// Not yet run on a GPU.
#include <cuda_runtime.h>

#include <cinttypes>
#include <unordered_set>

#include "api/error.h"
#include "cuda/runtime.h"

namespace sambay::cuda::runtime {

struct StreamHandle {
  cudaStream_t stream = nullptr;
  int most_shared_bytes = 0;  // of a block, for a kernel that asks
  std::unordered_set<const void*> asked;
};

namespace {

constexpr int kOldestCapability = 80;
constexpr int64_t kSharedWithoutAsking = 48 << 10;

// Only asked for its attributes: whether this library holds code for the device.
__global__ void code_for_this_device() {}

// Errors after which the process can no longer use the device.
bool is_lasting(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
      return true;
    default:
      return false;
  }
}

bool is_missing_code(cudaError_t error) {
  return error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction ||
         error == cudaErrorUnsupportedPtxVersion || error == cudaErrorInvalidPtx ||
         error == cudaErrorJitCompilerNotFound;
}

double mib(size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

[[noreturn]] void fail(cudaError_t error, const char* what) {
  cudaGetLastError();  // an error that does not last is over with this
  if (error == cudaErrorMemoryAllocation) {
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%s: the device's memory does not suffice", what);
  }
  if (is_missing_code(error)) {
    throw Failure(SY_ERR_UNSUPPORTED, "%s: this library holds no code for this device (%s)", what,
                  cudaGetErrorString(error));
  }
  throw Failure(SY_ERR_INTERNAL, "%s: %s (%s)%s", what, cudaGetErrorString(error), cudaGetErrorName(error),
                is_lasting(error) ? "; this process cannot use the device any more" : "");
}

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) fail(error, what);
}

int64_t attribute(cudaDeviceAttr which, int index) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, index), "asking for the device's properties");
  return value;
}

cudaEvent_t cuda(Event event) { return reinterpret_cast<cudaEvent_t>(event); }
cudaGraphExec_t cuda(Graph graph) { return reinterpret_cast<cudaGraphExec_t>(graph); }

int device_count() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    throw Failure(SY_ERR_UNSUPPORTED, "no NVIDIA driver was found on this machine (libcuda.so.1)");
  }
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver) {
    cudaGetLastError();
    throw Failure(SY_ERR_UNSUPPORTED, "the NVIDIA driver knows CUDA %d.%d, this library needs %d.%d: update the driver",
                  driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
    cudaGetLastError();
    throw Failure(SY_ERR_UNSUPPORTED, "there is an NVIDIA driver, but it shows no CUDA device to this process");
  }
  if (error != cudaSuccess) {
    cudaGetLastError();
    throw Failure(SY_ERR_UNSUPPORTED, "the CUDA devices cannot be counted: %s (%s)", cudaGetErrorString(error),
                  cudaGetErrorName(error));
  }
  return count;
}

}  // namespace

void use_device(int index) { check(cudaSetDevice(index), "choosing the device"); }

DeviceProperties open_device(int index) {
  const int count = device_count();
  if (index < 0 || index >= count) {
    throw Failure(SY_ERR_ARGUMENT, "there is no CUDA device %d, expected 0 to %d", index, count - 1);
  }
  cudaDeviceProp all;
  check(cudaGetDeviceProperties(&all, index), "asking for the device's properties");
  DeviceProperties properties{};
  static_assert(sizeof properties.name == sizeof all.name);
  memcpy(properties.name, all.name, sizeof properties.name);
  properties.index = index;
  properties.capability = 10 * all.major + all.minor;
  properties.overlaps_launches = all.major >= 9;
  properties.multiprocessors = all.multiProcessorCount;
  properties.memory_bytes = static_cast<int64_t>(all.totalGlobalMem);
  properties.l2_bytes = all.l2CacheSize;
  properties.shared_bytes_per_block = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index);
  properties.shared_bytes_per_multiprocessor = attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, index);
  if (properties.capability < kOldestCapability) {
    throw Failure(SY_ERR_UNSUPPORTED, "CUDA device %d (%s) has compute capability %d.%d, expected 8.0 or newer", index,
                  properties.name, all.major, all.minor);
  }
  use_device(index);
  check(cudaFree(nullptr), "opening the device");  // the first call that takes memory on it
  cudaFuncAttributes attributes;
  const cudaError_t error = cudaFuncGetAttributes(&attributes, code_for_this_device);
  if (is_missing_code(error)) {
    cudaGetLastError();
    throw Failure(SY_ERR_UNSUPPORTED,
                  "this library was built for other cards: it holds no code for CUDA device %d (%s, compute capability "
                  "%d.%d)",
                  index, properties.name, all.major, all.minor);
  }
  check(error, "opening the device");
  return properties;
}

// ---- memory
// -----------------------------------------------------------------------------------------------------------

void memory(int64_t* free_bytes, int64_t* total_bytes) {
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for the device's memory");
  *free_bytes = static_cast<int64_t>(free);
  *total_bytes = static_cast<int64_t>(total);
}

void* allocate(int64_t bytes) {
  void* device = nullptr;
  const cudaError_t error = cudaMalloc(&device, static_cast<size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) != cudaSuccess) cudaGetLastError();
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%.1f MiB of device memory were needed, %.1f of %.1f MiB are free",
                  mib(static_cast<size_t>(bytes)), mib(free), mib(total));
  }
  check(error, "taking device memory");
  return device;
}

void free(void* device) noexcept {
  if (device != nullptr && cudaFree(device) != cudaSuccess) cudaGetLastError();
}

void expect_device_memory(const void* data, int64_t bytes, int index) {
  const char* const ends[] = {static_cast<const char*>(data), static_cast<const char*>(data) + bytes - 1};
  for (const char* end : ends) {
    cudaPointerAttributes attributes;
    check(cudaPointerGetAttributes(&attributes, end), "asking whose memory it is");
    const bool managed = attributes.type == cudaMemoryTypeManaged;
    if (!managed && attributes.type != cudaMemoryTypeDevice) {
      throw Failure(SY_ERR_ARGUMENT, "the %" PRId64 " bytes are not all memory of a card", bytes);
    }
    if (!managed && attributes.device != index) {
      throw Failure(SY_ERR_ARGUMENT, "the memory is of CUDA device %d, expected %d", attributes.device, index);
    }
  }
}

void* allocate_pinned(int64_t bytes) {
  void* host = nullptr;
  const cudaError_t error = cudaHostAlloc(&host, static_cast<size_t>(bytes), cudaHostAllocDefault);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Failure(SY_ERR_OUT_OF_MEMORY, "%.1f MiB of pinned host memory cannot be had",
                  mib(static_cast<size_t>(bytes)));
  }
  check(error, "taking pinned host memory");
  return host;
}

void free_pinned(void* host) noexcept {
  if (host != nullptr && cudaFreeHost(host) != cudaSuccess) cudaGetLastError();
}

// ---- streams and events
// -----------------------------------------------------------------------------------------------

Stream create_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  int index = 0;
  check(cudaGetDevice(&index), "making a stream");
  return new StreamHandle{stream, static_cast<int>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index)), {}};
}

void* native(Stream stream) { return stream->stream; }

void destroy(Stream stream) noexcept {
  if (cudaStreamDestroy(stream->stream) != cudaSuccess) cudaGetLastError();
  delete stream;
}

void synchronize(Stream stream) { check(cudaStreamSynchronize(stream->stream), "waiting for the device"); }

// An event may be destroyed before it has happened; what waits for it still does.
void order(cudaStream_t earlier, cudaStream_t later) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event");
  cudaError_t error = cudaEventRecord(event, earlier);
  if (error == cudaSuccess) error = cudaStreamWaitEvent(later, event, 0);
  if (cudaEventDestroy(event) != cudaSuccess) cudaGetLastError();
  check(error, "ordering the device's stream and another one, which must be of the same card");
}
void order_after_foreign(Stream stream, void* foreign) { order(static_cast<cudaStream_t>(foreign), stream->stream); }
void order_before_foreign(Stream stream, void* foreign) { order(stream->stream, static_cast<cudaStream_t>(foreign)); }

Event create_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "making an event");
  return reinterpret_cast<Event>(event);
}

void destroy(Event event) noexcept {
  if (cudaEventDestroy(cuda(event)) != cudaSuccess) cudaGetLastError();
}

void record(Event event, Stream stream) { check(cudaEventRecord(cuda(event), stream->stream), "recording an event"); }
void wait(Event event) { check(cudaEventSynchronize(cuda(event)), "waiting for the device"); }

double seconds_between(Event begin, Event end) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, cuda(begin), cuda(end)), "reading the time between two events");
  return milliseconds * 1e-3;
}

// ---- work
// -------------------------------------------------------------------------------------------------------------

void copy_to_device(void* device, const void* host, int64_t bytes, Stream stream) {
  check(cudaMemcpyAsync(device, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, stream->stream),
        "copying to the device");
}

void copy_to_host(void* host, const void* device, int64_t bytes, Stream stream) {
  check(cudaMemcpyAsync(host, device, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, stream->stream),
        "copying from the device");
}

void fill_zero(void* device, int64_t bytes, Stream stream) {
  check(cudaMemsetAsync(device, 0, static_cast<size_t>(bytes), stream->stream), "zeroing device memory");
}

void launch(const Launch& call, Stream stream) {
  if (call.shared_bytes > kSharedWithoutAsking && stream->asked.count(call.kernel) == 0) {
    // All there is, not what this launch needs: the attribute is the kernel's, for every stream of the card.
    check(cudaFuncSetAttribute(call.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, stream->most_shared_bytes),
          "asking for more shared memory");
    // Kernels that ask for much are made so that two blocks fit; the first cache gets what is left.
    check(cudaFuncSetAttribute(call.kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                               cudaSharedmemCarveoutMaxShared),
          "asking for more shared memory");
    stream->asked.insert(call.kernel);
  }
  const auto extent = [](const Dim3& dim) {
    return dim3(static_cast<unsigned>(dim.x), static_cast<unsigned>(dim.y), static_cast<unsigned>(dim.z));
  };
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = extent(call.grid);
  config.blockDim = extent(call.block);
  config.dynamicSmemBytes = static_cast<size_t>(call.shared_bytes);
  config.stream = stream->stream;
  config.attrs = &overlap;
  config.numAttrs = call.overlaps_previous ? 1 : 0;
  void* arguments[] = {const_cast<void*>(call.params)};
  check(cudaLaunchKernelExC(&config, call.kernel, arguments), "starting a kernel");
}

// ---- graphs
// -----------------------------------------------------------------------------------------------------------

void begin_capture(Stream stream) {
  check(cudaStreamBeginCapture(stream->stream, cudaStreamCaptureModeThreadLocal), "beginning a capture");
}

Graph end_capture(Stream stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream->stream, &graph), "ending a capture");
  cudaGraphExec_t work = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&work, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "making a graph of what was captured");
  return reinterpret_cast<Graph>(work);
}

void launch(Graph graph, Stream stream) { check(cudaGraphLaunch(cuda(graph), stream->stream), "launching a graph"); }

void destroy(Graph graph) noexcept {
  if (cudaGraphExecDestroy(cuda(graph)) != cudaSuccess) cudaGetLastError();
}

}  // namespace sambay::cuda::runtime

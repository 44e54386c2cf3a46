// Owners of device and pinned memory, and the two ways the queue hands them out: an arena for what lives as long as one
// operation, and a staging ring for bytes on their way to the device.
#ifndef SAMBAY_CUDA_MEMORY_H_
#define SAMBAY_CUDA_MEMORY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/runtime.h"

namespace sambay::cuda {

constexpr int64_t kAlignment = 256;
constexpr int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class DeviceMemory {
 public:
  explicit DeviceMemory(int64_t bytes) : data_(static_cast<char*>(runtime::allocate(bytes))), bytes_(bytes) {}
  ~DeviceMemory() { runtime::free(data_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  char* data_;
  int64_t bytes_;
};

class PinnedMemory {
 public:
  explicit PinnedMemory(int64_t bytes) : data_(static_cast<char*>(runtime::allocate_pinned(bytes))), bytes_(bytes) {}
  ~PinnedMemory() { runtime::free_pinned(data_); }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  char* data_;
  int64_t bytes_;
};

// Hands out device memory until the next reset. What it has to take from the device it keeps, as one piece from the
// next reset on; captured graphs share the ownership of the pieces they use.
class Arena {
 public:
  using Pieces = std::vector<std::shared_ptr<DeviceMemory>>;

  // 256-byte aligned, not zeroed.
  char* take(int64_t bytes);
  // True if take(bytes) needs nothing from the device.
  bool has(int64_t bytes) const;
  void reset();
  // The same without ever touching the device: what the last reset left is handed out again.
  void rewind() { used_ = 0; }
  const Pieces& pieces() const { return pieces_; }

 private:
  static constexpr int64_t kSmallest = 1 << 20;
  Pieces pieces_;     // the last one is being handed out
  int64_t used_ = 0;  // of the last one
};

// Pinned blocks used in turn. A block is written again when the copies out of it have run.
class Staging {
 public:
  static constexpr int64_t kBlock = 8 << 20;

  explicit Staging(runtime::Stream stream);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Pinned memory for copies that are put on the stream before the next call. bytes <= kBlock.
  char* take(int64_t bytes);

 private:
  static constexpr int kBlocks = 3;
  struct Block {
    std::unique_ptr<PinnedMemory> memory;
    runtime::Event drained = nullptr;
  };
  runtime::Stream stream_;
  Block blocks_[kBlocks];
  int current_ = 0;
  int64_t used_ = 0;
};

}  // namespace sambay::cuda

#endif  // SAMBAY_CUDA_MEMORY_H_

#include "cuda/memory.h"

#include <algorithm>

namespace sambay::cuda {

char* Arena::take(int64_t bytes) {
  bytes = std::max(aligned(bytes), kAlignment);
  if (!has(bytes)) {
    const int64_t last = pieces_.empty() ? 0 : pieces_.back()->bytes();
    pieces_.push_back(std::make_shared<DeviceMemory>(std::max({bytes, last + last / 2, kSmallest})));
    used_ = 0;
  }
  char* result = pieces_.back()->data() + used_;
  used_ += bytes;
  return result;
}

bool Arena::has(int64_t bytes) const {
  return !pieces_.empty() && std::max(aligned(bytes), kAlignment) <= pieces_.back()->bytes() - used_;
}

void Arena::reset() {
  used_ = 0;
  if (pieces_.size() < 2) return;
  int64_t total = 0;
  for (const auto& piece : pieces_) total += piece->bytes();
  pieces_.clear();  // waits for the work that uses them
  pieces_.push_back(std::make_shared<DeviceMemory>(total));
}

Staging::Staging(runtime::Stream stream) : stream_(stream) {}

Staging::~Staging() {
  for (Block& block : blocks_) {
    if (block.drained != nullptr) runtime::destroy(block.drained);
  }
}

char* Staging::take(int64_t bytes) {
  bytes = aligned(bytes);
  Block* block = &blocks_[current_];
  if (block->memory != nullptr && bytes > kBlock - used_) {
    runtime::record(block->drained, stream_);
    current_ = (current_ + 1) % kBlocks;
    used_ = 0;
    block = &blocks_[current_];
    if (block->memory != nullptr) runtime::wait(block->drained);
  }
  if (block->memory == nullptr) {
    block->drained = runtime::create_event();
    block->memory = std::make_unique<PinnedMemory>(kBlock);
  }
  char* result = block->memory->data() + used_;
  used_ += bytes;
  return result;
}

}  // namespace sambay::cuda

#include <cinttypes>
#include <memory>

#include "api/device.h"

struct sy_buffer {
  sy_device* device;
  void* data;
  int64_t bytes;
  void* allocation;  // null: somebody else's memory
};

namespace {

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

void check_range(const sy_device* device, const sy_buffer* buffer, int64_t offset, const void* host, int64_t bytes) {
  check::not_null("buffer", buffer);
  check::belongs("buffer", buffer->device, device);
  int64_t size = buffer->bytes;
  if (offset < 0 || bytes < 0 || offset > size || bytes > size - offset) {
    throw Failure(SY_ERR_ARGUMENT, "%" PRId64 " bytes at offset %" PRId64 " do not lie within the buffer of %" PRId64,
                  bytes, offset, size);
  }
  if (bytes > 0) {
    check::not_null("host memory", host);
  }
}

char* at(const sy_buffer* buffer, int64_t offset) { return static_cast<char*>(buffer->data) + offset; }

}  // namespace

sy_status sy_buffer_create(sy_device* device, int64_t bytes, sy_buffer** buffer) {
  return sambay::entry_on("buffer_create", device, buffer, [&] {
    check::range("bytes", bytes, 1, INT64_MAX);
    auto made = std::make_unique<sy_buffer>(sy_buffer{device, nullptr, bytes, nullptr});
    device->call(device->table.allocate, bytes, &made->data, &made->allocation);
    *buffer = made.release();
  });
}

sy_status sy_buffer_borrow(sy_device* device, void* data, int64_t bytes, sy_buffer** buffer) {
  return sambay::entry_on("buffer_borrow", device, buffer, [&] {
    check::not_null("data", data);
    check::range("bytes", bytes, 1, INT64_MAX);
    device->call(device->table.expect_own_memory, data, bytes);
    *buffer = new sy_buffer{device, data, bytes, nullptr};
  });
}

void sy_buffer_destroy(sy_buffer* buffer) {
  if (buffer != nullptr) {
    if (buffer->allocation != nullptr) {
      std::lock_guard lock(buffer->device->mutex);
      buffer->device->table.release(buffer->device->self, buffer->allocation);
    }
    delete buffer;
  }
}

void* sy_buffer_data(const sy_buffer* buffer) { return buffer == nullptr ? nullptr : buffer->data; }

sy_status sy_upload(sy_device* device, sy_buffer* to, int64_t offset, const void* from, int64_t bytes) {
  return sambay::entry_on("upload", device, to, [&] {
    check_range(device, to, offset, from, bytes);
    if (bytes > 0) {
      device->call(device->table.upload, at(to, offset), from, bytes);
    }
  });
}

sy_status sy_download(sy_device* device, const sy_buffer* from, int64_t offset, void* to, int64_t bytes) {
  return sambay::entry_on("download", device, from, [&] {
    check_range(device, from, offset, to, bytes);
    if (bytes > 0) {
      device->call(device->table.download, at(from, offset), to, bytes);
    }
  });
}

sy_status sy_copy(sy_device* device, const sy_tensor* from, const sy_tensor* to) {
  return sambay::entry_on("copy", device, from, [&] {
    Dim rows{"rows"}, cols{"cols"};
    check::matrix("from", from, rows, cols);
    check::matrix("to", to, rows, cols);
    check::disjoint("to", to, "from", from);
    device->call(device->table.copy, *from, *to);
  });
}

sy_status sy_zero(sy_device* device, const sy_tensor* tensor) {
  return sambay::entry_on("zero", device, tensor, [&] {
    Dim rows{"rows"}, cols{"cols"};
    check::matrix("tensor", tensor, rows, cols);
    device->call(device->table.zero, *tensor);
  });
}

#include <cinttypes>
#include <cstring>

#include "api/device.h"
#include "api/pages.h"

struct sy_buffer {
  sambay::Pages pages;
};

namespace {

using sambay::Dim;
using sambay::Failure;
namespace check = sambay::check;

void check_range(const sy_buffer* buffer, int64_t offset, const void* host, int64_t bytes) {
  check::not_null("buffer", buffer);
  int64_t size = buffer->pages.bytes();
  if (offset < 0 || bytes < 0 || offset > size || bytes > size - offset) {
    throw Failure(SY_ERR_ARGUMENT, "%" PRId64 " bytes at offset %" PRId64 " do not lie within the buffer of %" PRId64,
                  bytes, offset, size);
  }
  if (bytes > 0) {
    check::not_null("host memory", host);
  }
}

// memmove may not be given a null pointer even for no bytes.
void move_bytes(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) {
    std::memmove(to, from, static_cast<size_t>(bytes));
  }
}

}  // namespace

sy_status sy_buffer_create(sy_device* device, int64_t bytes, sy_buffer** buffer) {
  return sambay::entry_on("buffer_create", device, buffer, [&] {
    check::range("bytes", bytes, 1, INT64_MAX);
    *buffer = new sy_buffer{sambay::Pages(bytes)};
  });
}

void sy_buffer_destroy(sy_buffer* buffer) { delete buffer; }

void* sy_buffer_data(const sy_buffer* buffer) { return buffer == nullptr ? nullptr : buffer->pages.data(); }

sy_status sy_upload(sy_device* device, sy_buffer* to, int64_t offset, const void* from, int64_t bytes) {
  return sambay::entry_on("upload", device, to, [&] {
    check_range(to, offset, from, bytes);
    move_bytes(to->pages.data() + offset, from, bytes);
  });
}

sy_status sy_download(sy_device* device, const sy_buffer* from, int64_t offset, void* to, int64_t bytes) {
  return sambay::entry_on("download", device, from, [&] {
    check_range(from, offset, to, bytes);
    move_bytes(to, from->pages.data() + offset, bytes);
  });
}

sy_status sy_copy(sy_device* device, const sy_tensor* from, const sy_tensor* to) {
  return sambay::entry_on("copy", device, from, [&] {
    Dim rows{"rows"}, cols{"cols"};
    check::matrix("from", from, rows, cols);
    check::matrix("to", to, rows, cols);
    check::disjoint("to", to, "from", from);
    device->ops.copy(device->pool, *from, *to);
  });
}

sy_status sy_zero(sy_device* device, const sy_tensor* tensor) {
  return sambay::entry_on("zero", device, tensor, [&] {
    Dim rows{"rows"}, cols{"cols"};
    check::matrix("tensor", tensor, rows, cols);
    device->ops.zero(device->pool, *tensor);
  });
}

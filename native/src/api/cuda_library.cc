#include "api/cuda_library.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

#include "api/device.h"

namespace sambay {
namespace {

std::mutex mutex;
std::string loaded;  // path of the library, "" before there is one
MakeProcessor make_processor = nullptr;

}  // namespace

void load_cuda_library(const char* path) {
  std::lock_guard lock(mutex);
  if (loaded == path) {
    return;
  }
  if (!loaded.empty()) {
    throw Failure(SY_ERR_ARGUMENT, "path is \"%.200s\", but this process has opened \"%.200s\": one library a process",
                  path, loaded.c_str());
  }
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Failure(SY_ERR_UNSUPPORTED, "the CUDA library could not be opened: %.400s", dlerror());
  }
  auto make = reinterpret_cast<MakeProcessor>(dlsym(library, "sambay_cuda_processor"));
  if (make == nullptr) {
    dlclose(library);
    throw Failure(SY_ERR_UNSUPPORTED, "\"%.400s\" is not the CUDA library: it has no sambay_cuda_processor", path);
  }
  make_processor = make;
  loaded = path;
}

sy_device* make_cuda_device(const char* target) {
  MakeProcessor make;
  {
    std::lock_guard lock(mutex);
    make = make_processor;
  }
  if (make == nullptr) {
    throw Failure(SY_ERR_UNSUPPORTED, "the CUDA library has not been opened; sy_cuda_load does that");
  }
  const ProcessorTable* table = nullptr;
  void* self = nullptr;
  ErrorText error;
  sy_status status = make(target, &table, &self, error);
  if (status != SY_OK) {
    throw Failure(status, "%s", error.text);
  }
  if (table->abi_version != SY_ABI_VERSION) {
    throw Failure(SY_ERR_UNSUPPORTED, "the CUDA library has ABI version %d, expected %d: use the files of one release",
                  table->abi_version, SY_ABI_VERSION);
  }
  return new sy_device(*table, self);
}

}  // namespace sambay

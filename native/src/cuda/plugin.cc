// The one function that libsambay_cuda shows; see MakeProcessor in api/processor.h.
#include "cuda/processor.h"

extern "C" SY_API sy_status sambay_cuda_processor(const char* target, const sambay::ProcessorTable** table, void** self,
                                                  sambay::ErrorText& error) {
  try {
    *self = new sambay::cuda::CudaProcessor(target);
    *table = &sambay::cuda::cuda_processor_table();
    return SY_OK;
  } catch (...) {
    return sambay::describe_current_exception(error.text);
  }
}

static_assert(std::is_same_v<decltype(&sambay_cuda_processor), sambay::MakeProcessor>);

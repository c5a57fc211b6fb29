#include <string_view>

#include "nn/backend/lane_kernels.h"

namespace troupe::nn {

#if defined(__x86_64__)
extern const LaneKernelSet lane_kernels_avx512;
extern const LaneKernelSet lane_kernels_avx2;
#endif
extern const LaneKernelSet lane_kernels_baseline;

const LaneKernelSet* lane_kernels(const char* instruction_set) {
  const std::string_view name = instruction_set;
#if defined(__x86_64__)
  if (name == "avx512") {
    const bool is_there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return is_there ? &lane_kernels_avx512 : nullptr;
  }
  if (name == "avx2") {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &lane_kernels_avx2 : nullptr;
  }
#endif
  return name == "baseline" ? &lane_kernels_baseline : nullptr;
}

const LaneKernelSet* lane_kernels() {
  for (const char* name : {"avx512", "avx2"}) {
    if (const LaneKernelSet* kernels = lane_kernels(name)) return kernels;
  }
  return &lane_kernels_baseline;
}

}  // namespace troupe::nn

// Every way there is to compute a model on this machine.
#pragma once

#include <memory>
#include <vector>

#include "nn/backend/backend.h"
#include "nn/backend/lane_backend.h"
#include "nn/backend/onednn_backend.h"

namespace troupe::nn {

inline std::vector<std::unique_ptr<Backend>> all_backends() {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(find_backend("reference").value());
  backends.push_back(find_backend("cpu").value());
  backends.push_back(std::make_unique<OnednnBackend>());
  for (const char* instruction_set : {"avx512", "avx2", "baseline"}) {
    if (const LaneKernelSet* set = lane_kernels(instruction_set)) {
      backends.push_back(std::make_unique<LaneBackend>(*set));
    }
  }
  return backends;
}

}  // namespace troupe::nn

// Every way there is to compute a model here.
#pragma once

#include <memory>
#include <vector>

#include "nn/backend/backend.h"
#include "nn/backend/onednn_backend.h"

namespace troupe::nn {

inline std::vector<std::unique_ptr<Backend>> all_backends() {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(find_backend("reference").value());
  backends.push_back(find_backend("cpu").value());
  backends.push_back(std::make_unique<OnednnBackend>());
  return backends;
}

}  // namespace troupe::nn

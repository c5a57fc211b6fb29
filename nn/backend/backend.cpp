#include "nn/backend/backend.h"

#include "nn/backend/cpu_backend.h"
#include "nn/backend/reference_backend.h"

namespace troupe::nn {

Result<std::unique_ptr<Backend>> find_backend(const std::string& name) {
  if (name == "reference") return std::unique_ptr<Backend>(std::make_unique<ReferenceBackend>());
  if (name == "cpu") return std::unique_ptr<Backend>(std::make_unique<CpuBackend>());
  return Error{Fault::not_found, "no back-end is called '" + name + "'; there are: reference, cpu"};
}

}  // namespace troupe::nn

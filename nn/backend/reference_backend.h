// The back-end of plain loops: slow, and right by inspection. See plain_network.h.
#pragma once

#include "nn/backend/backend.h"

namespace troupe::nn {

class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::unique_ptr<Network> build(const Model& model, const BuildOptions& options) const override;
};

}  // namespace troupe::nn

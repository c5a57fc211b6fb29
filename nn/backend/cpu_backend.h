// The back-end for one core of a CPU. It cuts the model into runs of layers and gives each run to the engine that is
// fastest for it: small layers to our own kernels that keep a batch in vector lanes, large ones to oneDNN.
//
// Invariant: which engine computes a layer follows from the layer alone, so a model's bits are the
// same wherever it is cut into pieces. Arrays between runs are plain.
#pragma once

#include "nn/backend/backend.h"

namespace troupe::nn {

class CpuBackend final : public Backend {
 public:
  std::string name() const override { return "cpu"; }
  std::unique_ptr<Network> build(const Model& model, const BuildOptions& options) const override;
};

}  // namespace troupe::nn

// The back-end on oneDNN: it chooses the memory formats, tensors stay in them between layers, rectifiers are fused.
//
// Invariants: one thread, whatever OMP_NUM_THREADS says; denormals are flushed; nothing is allocated on a step's path
// once a slot has seen a number of samples.
#pragma once

#include "nn/backend/backend.h"

namespace troupe::nn {

class OnednnBackend final : public Backend {
 public:
  std::string name() const override { return "onednn"; }
  std::unique_ptr<Network> build(const Model& model, const BuildOptions& options) const override;
};

}  // namespace troupe::nn

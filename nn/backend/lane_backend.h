// The back-end on our own kernels, for small layers: a batch in vector lanes. See lane_kernels.h.
//
// Invariants: one thread; denormals are flushed; nothing is allocated after `build`. A slot's bits depend on the
// instruction set, the parameters and the slot.
#pragma once

#include "nn/backend/backend.h"
#include "nn/backend/lane_kernels.h"

namespace troupe::nn {

class LaneBackend final : public Backend {
 public:
  explicit LaneBackend(const LaneKernelSet& set = *lane_kernels()) : set_(set) {}
  std::string name() const override { return std::string("lanes-") + set_.instruction_set; }
  std::unique_ptr<Network> build(const Model& model, const BuildOptions& options) const override;

 private:
  const LaneKernelSet& set_;
};

}  // namespace troupe::nn

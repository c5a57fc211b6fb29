// What the ranks of a gang agree on before they meet: W replicas x P stages, the slots, and what each stage and border
// holds. Each rank works it out for itself from the model and the strategy; a digest finds out if two differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/parallel/slots.h"
#include "runtime/base/result.h"

namespace troupe::nn {

struct Mesh {
  std::size_t replicas = 1;
  std::size_t stages = 1;
  std::size_t slots = 1;                       ///< Of the global batch.
  std::vector<std::size_t> parameters{};       ///< [stages] elements.
  std::vector<std::size_t> border_elements{};  ///< [stages - 1]: the most that crosses border s | s+1 in one slot.

  std::size_t world() const { return replicas * stages; }
  std::size_t rank(std::size_t replica, std::size_t stage) const { return replica * stages + stage; }
  std::size_t replica_of(std::size_t rank) const { return rank / stages; }
  std::size_t stage_of(std::size_t rank) const { return rank % stages; }
  SlotRange slots_of(std::size_t replica) const { return slots_of_rank(slots, replicas, replica); }

  friend bool operator==(const Mesh&, const Mesh&) = default;
};

/// Fails with: bad_input: no replica or stage, over 4096 ranks, more replicas than slots, a list of another length than
/// the stages ask for, or sizes that no machine has.
Result<void> check(const Mesh& mesh);

std::string describe(const Mesh& mesh);  ///< `2 replicas x 3 stages, 8 slots`

/// Changes when anything in it does.
std::uint64_t digest(const Mesh& mesh);

/// `rank 3 (replica 1, stage 0)`, or less where there is less.
std::string describe_rank(const Mesh& mesh, std::size_t rank);

}  // namespace troupe::nn

// How the ranks of one training gang meet: W replicas of a model, each cut into P stages. Rank = replica * P + stage;
// with P = 1 this is plain data parallelism, with W = 1 a plain pipeline.
//
// Gradients are summed over the W ranks of one stage, in the fixed tree (tree_sum.h). Activations and their gradients
// pass between neighbouring stages of one replica through one buffer per slot and direction, which the sender writes
// and the receiver reads in place.
//
// Every wait has a deadline and ends early when a rank's process dies. The first failure, wherever it is seen, stops
// the whole gang: from then on every call of every rank fails with that first cause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nn/layers/cross_entropy.h"
#include "nn/parallel/tree_sum.h"
#include "runtime/base/result.h"

namespace troupe::nn {

/// What crosses a border between stages.
enum class Flow : std::uint8_t {
  activations,  ///< From a stage to the next.
  gradients,    ///< From a stage to the one before it.
};

/// What a rank brings to an all-reduce.
struct Contribution {
  std::size_t filled = 0;             ///< Slots of this global batch that hold samples; the same on every rank.
  std::span<const PieceSum> pieces;   ///< Of `pieces_of(own slots, filled)`, in this order.
  std::span<const LossSum> losses{};  ///< Of the own slots below `filled`, in order; or none on every rank.
};

struct Reduction {
  /// The root: the sum over all slots. Valid until this rank's next `all_reduce_tree`, and until it writes to its
  /// pieces.
  std::span<const float> gradient;
  LossSum loss;  ///< Over all slots, in the same tree.
};

/// After a failure the ranks may be one step apart: some may have received the last sum, others not. Who goes on agrees
/// on the step first.
///
/// Threads: one thread at a time; a rank is one thread.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual std::size_t rank() const = 0;
  virtual std::size_t world() const = 0;    ///< W * P.
  virtual std::size_t replica() const = 0;  ///< rank() / P.
  virtual std::size_t stage() const = 0;    ///< rank() % P.
  virtual SlotRange slots() const = 0;      ///< Those this replica holds.

  /// Room for the sums of this rank's slots, for a `SlotAccumulator`: pieces that lie in it are handed over without a
  /// copy. `all_reduce_tree` may overwrite what is in it besides the pieces.
  virtual std::span<float> piece_storage() = 0;

  /// Joins the pieces of all ranks of this stage; every one of them calls it and receives the same bits.
  ///
  /// Fails with: peer_lost, timed_out (both name the rank), corrupt (the ranks disagree about the batch).
  virtual Result<Reduction> all_reduce_tree(const Contribution& contribution) = 0;

  /// Returns when all ranks of the gang have called it.
  ///
  /// Fails with: peer_lost, timed_out.
  virtual Result<void> barrier() = 0;

  /// Where to write what goes over the border next. Waits until the neighbour has released what was there before.
  ///
  /// Requires: a neighbour in that direction; slots().contains(slot); `elements` at most what the border was made for.
  /// Fails with: peer_lost, timed_out.
  virtual Result<std::span<float>> outgoing(Flow flow, std::size_t slot, std::size_t elements) = 0;

  /// Hands over what was written to `outgoing`.
  virtual void send(Flow flow, std::size_t slot) = 0;

  /// Waits for what the neighbour sent; readable in place until `release`, and until then received again by a second
  /// call.
  ///
  /// Fails with: peer_lost, timed_out, corrupt (another number of elements was sent).
  virtual Result<std::span<const float>> receive(Flow flow, std::size_t slot, std::size_t elements) = 0;

  /// Ends the reading of what was received. Activations are still read by the backward pass: release them after it.
  virtual void release(Flow flow, std::size_t slot) = 0;

  /// Stops the gang, unless something else already did: the others' calls fail with `cause` within milliseconds.
  virtual void abort(const Error& cause) = 0;

  /// The rank at fault, once a call has failed or a rank has aborted.
  virtual std::optional<std::size_t> failed_rank() const = 0;
};

}  // namespace troupe::nn

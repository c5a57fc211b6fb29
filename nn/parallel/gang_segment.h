// What lies where in the segment of a gang. Every rank works out the same places from the mesh; zeroed memory is the
// state before anybody has come.
//
//   header | a state for each rank | losses | gradient sums of each rank | total of each stage | border channels
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/layers/cross_entropy.h"
#include "nn/parallel/communicator.h"
#include "nn/parallel/mesh.h"
#include "nn/parallel/shared_flag.h"

namespace troupe::nn {

struct GangHeader {
  static constexpr std::uint64_t expected_magic = 0x6d73657075727400;  // `\0trupesm`
  static constexpr std::uint32_t expected_version = 1;
  enum FailureState : std::uint32_t { none, being_written, there };

  SharedFlag ready;  ///< 1 once what follows is written.
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t replicas;
  std::uint32_t stages;
  std::uint32_t slots;
  std::uint64_t digest;
  std::uint64_t bytes;

  /// The first cause, once for the gang.
  alignas(64) std::atomic<std::uint32_t> failure;
  std::uint32_t fault;
  std::uint32_t failed_rank;
  std::array<char, 500> message;  ///< Ends with a zero.

  /// Keeps the cause, if it is the first.
  bool stop(std::size_t culprit, const Error& cause);
};

/// Written by its rank alone.
struct RankState {
  static constexpr std::uint32_t here = 1;
  static constexpr std::uint32_t left = 2;
  static constexpr std::size_t most_pieces = 32;  ///< 2 lg most_slots and some.

  SharedFlag presence;
  SharedFlag arrived;  ///< All-reduces to which the pieces were brought.
  SharedFlag summed;   ///< All-reduces whose own range of the total is written.
  SharedFlag barriers;

  alignas(64) std::uint32_t process;
  /// What the rank sleeps for: another's rank + 1, the flag's place in the segment and its value. Read by others only
  /// to tell who keeps whom waiting.
  std::atomic<std::uint32_t> waits_for;
  std::atomic<std::uint32_t> waits_value;
  std::atomic<std::uint32_t> cpu;  ///< Where it ran when it last waited, + 1.
  std::atomic<std::uint64_t> waits_flag;

  /// What it brought to the all-reduce.
  alignas(64) std::uint32_t filled;
  std::uint32_t losses;
  std::uint32_t pieces;
  std::array<std::uint32_t, most_pieces> buffers;  ///< Which of its gradient buffers hold them.
};

/// One slot at one border in one direction: room for one message.
struct BorderChannel {
  SharedFlag sent;      ///< Messages written.
  SharedFlag released;  ///< Messages read.
  alignas(64) std::uint64_t elements;
};

class GangSegment {
 public:
  static std::size_t bytes_for(const Mesh& mesh) { return GangSegment(mesh, {}).end_; }

  /// Requires: check(mesh); memory of at least bytes_for(mesh), aligned to a page, or none.
  GangSegment(const Mesh& mesh, std::span<std::byte> memory);

  GangHeader& header() const { return *at<GangHeader>(0); }
  RankState& rank(std::size_t rank) const { return at<RankState>(ranks_)[rank]; }

  /// Of the slots that the rank's replica holds, in order.
  std::span<LossSum> losses(std::size_t rank) const;
  /// Buffers for the sums of the rank's slots. None with one replica: nobody else reads them.
  std::span<float> storage(std::size_t rank) const;
  /// None with one replica.
  std::span<float> total(std::size_t stage) const;

  struct Place {
    std::size_t replica = 0;
    std::size_t border = 0;  ///< Between this stage and the next.
    Flow flow = Flow::activations;
    std::size_t slot = 0;
  };
  BorderChannel& channel(const Place& place) const { return at<BorderChannel>(channels_)[channel_index(place)]; }
  std::span<float> channel_data(const Place& place) const;

  /// Wakes whoever sleeps anywhere in the segment.
  void wake_all() const;

  std::uint64_t place_of(const SharedFlag& flag) const {
    return static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(&flag) - memory_.data());
  }
  /// The flag at a place that another rank named, or none if no flag can be there.
  const SharedFlag* flag_at(std::uint64_t place) const;

 private:
  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(memory_.data() + offset);
  }
  std::size_t take(std::size_t bytes);
  std::size_t channel_index(const Place& place) const;
  std::size_t channel_count() const { return mesh_.slots * (mesh_.stages - 1) * 2; }

  Mesh mesh_;
  std::span<std::byte> memory_;
  std::size_t end_ = 0;
  std::size_t ranks_ = 0;
  std::vector<std::size_t> losses_;   ///< By rank.
  std::vector<std::size_t> storage_;  ///< By rank.
  std::vector<std::size_t> totals_;   ///< By stage.
  std::size_t channels_ = 0;
  std::vector<std::size_t> channel_data_;  ///< By border; each holds all slots, both ways.
};

}  // namespace troupe::nn

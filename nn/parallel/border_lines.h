// A pipeline stage's ends of the channels to its neighbours: one for each slot and direction, at each border.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/parallel/communicator.h"
#include "nn/parallel/gang_segment.h"
#include "nn/parallel/gang_waiter.h"
#include "nn/parallel/mesh.h"
#include "runtime/base/result.h"

namespace troupe::nn {

/// The functions are those of `Communicator`.
class BorderLines {
 public:
  /// Borrows mesh, segment and waiter.
  BorderLines(const Mesh& mesh, const GangSegment& segment, GangWaiter& waiter, std::size_t rank);

  Result<std::span<float>> outgoing(Flow flow, std::size_t slot, std::size_t elements);
  void send(Flow flow, std::size_t slot);
  Result<std::span<const float>> receive(Flow flow, std::size_t slot, std::size_t elements);
  void release(Flow flow, std::size_t slot);

 private:
  enum class End : std::uint8_t { receiving, sending };

  /// How far this end of a channel has come. One message at a time: it is opened, then closed.
  struct Line {
    std::uint32_t messages = 0;
    std::size_t elements = 0;
    bool open = false;
  };

  /// Activations leave and gradients come in at the far border.
  static bool is_far(Flow flow, End end) { return (flow == Flow::activations) == (end == End::sending); }
  GangSegment::Place place(Flow flow, std::size_t slot, End end) const;
  std::size_t neighbour(Flow flow, End end) const { return is_far(flow, end) ? rank_ + 1 : rank_ - 1; }
  Line& line_of(Flow flow, std::size_t slot, End end) {
    return lines_[4 * slot + 2 * static_cast<std::size_t>(flow) + static_cast<std::size_t>(end)];
  }

  const Mesh& mesh_;
  const GangSegment& segment_;
  GangWaiter& waiter_;
  std::size_t rank_;
  std::vector<Line> lines_;
};

}  // namespace troupe::nn

// How the ranks of one segment wait for each other, and how they stop together: with a deadline, an eye on the peers'
// processes, and one first cause for all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/parallel/gang_segment.h"
#include "nn/parallel/mesh.h"
#include "nn/parallel/process_watch.h"
#include "runtime/base/result.h"

namespace troupe::nn {

/// Where in its work a rank waits: `all-reduce 17`.
struct WaitPhase {
  const char* what = "";
  std::uint64_t number = 0;
};

class GangWaiter {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    std::size_t rank = 0;
    std::chrono::milliseconds deadline{};
    std::chrono::nanoseconds spin{};
    std::function<bool(std::size_t rank)> alive;  ///< Empty: asks the kernel.
  };

  /// Borrows both.
  GangWaiter(const Mesh& mesh, const GangSegment& segment, Options options);

  /// When the deadline of several waits that belong together began: at the first that had to wait.
  using Start = std::optional<Clock::time_point>;

  /// Returns when `flag` of rank `peer` has reached `value`.
  ///
  /// Fails with: peer_lost, timed_out; or what stopped the gang.
  Result<void> wait(const SharedFlag& flag, std::uint32_t value, std::size_t peer, WaitPhase phase, Start& start);

  /// Stops the gang because of `culprit`. Returns the first cause, which may be another.
  Error stop(std::size_t culprit, const Error& cause);

  /// What stopped the gang, if something did.
  std::optional<Error> stopped() const;
  std::optional<std::size_t> failed_rank() const;

 private:
  Result<void> sleep_until(SharedFlag& flag, std::uint32_t value, std::size_t peer, WaitPhase phase,
                           Clock::time_point start);
  struct Loss {
    std::size_t rank;
    Error error;
  };
  /// Any rank that died, or `peer` if it left.
  std::optional<Loss> look_after_peers(std::size_t peer, WaitPhase phase);
  Error time_out(std::size_t peer, WaitPhase phase);
  bool is_alive(std::size_t rank);
  bool shares_cpu_with(std::size_t peer) const;
  std::size_t who_keeps_waiting(std::size_t peer) const;
  std::string name(std::size_t rank) const { return describe_rank(mesh_, rank); }

  const Mesh& mesh_;
  const GangSegment& segment_;
  Options options_;
  std::vector<std::unique_ptr<ProcessWatch>> watches_;  ///< By rank, from the first look on.
};

}  // namespace troupe::nn

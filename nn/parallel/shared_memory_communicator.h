// Ranks on one machine meet in one shared-memory segment.
//
// All-reduce: each rank's pieces lie in the segment; each rank sums its own range of elements over everybody's pieces
// and writes it to the common total, which all then read in place. Every float is read once and written once.
// Waits spin for some microseconds and then sleep in a futex of the segment. While asleep, a rank looks after its
// peers' processes, so that a death is named long before the deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "nn/parallel/communicator.h"
#include "nn/parallel/mesh.h"
#include "runtime/base/result.h"

namespace troupe::nn {

class SharedSegment;

struct SharedMemoryOptions {
  /// Of the segment, like `/troupe-JOB-GANG`, new for every gang; no name is left once all ranks are there, or one gave
  /// up. Empty with a gang of one rank, or if `segment` is given.
  std::string name;
  Mesh mesh;
  std::size_t rank = 0;
  bool create = false;  ///< Exactly one rank does; the others wait for it.
  /// Of every wait, from its start. Longer than the longest time that one rank may let the others wait for it.
  std::chrono::milliseconds deadline = std::chrono::seconds(3);
  /// Of the joining: processes start and read their data meanwhile. By default `deadline`.
  std::optional<std::chrono::milliseconds> join_deadline;
  /// Before a wait sleeps. By default 40 us if every rank can have a core, else none.
  std::optional<std::chrono::microseconds> spin;
  /// Ranks that are threads of one process, or forked ones, may share one mapping. Borrowed.
  /// Requires: at least `segment_bytes(mesh)`, zeroed.
  SharedSegment* segment = nullptr;
  /// Whether a rank that has joined still runs. By default asks the kernel for its process.
  std::function<bool(std::size_t rank)> alive;
};

/// Joins the gang: returns once all its ranks have.
///
/// Fails with: bad_input (the mesh), refused (the name is taken, or the segment was made for another mesh or version),
/// unavailable (no room in shared memory), timed_out (names a rank that did not come), peer_lost.
Result<std::unique_ptr<Communicator>> join_shared_memory(SharedMemoryOptions options);

/// What a gang needs of /dev/shm.
std::size_t segment_bytes(const Mesh& mesh);

}  // namespace troupe::nn

// The folder of an actor whose state survives a restart: its checkpoints, its logs, and which attempt owns it.
//
// The owner is a file with an attempt's name; a later attempt replaces it before it reads anything, and an earlier one
// that still runs looks there after each write and before it tells anybody: so what an attempt has told, all later ones
// have read. Each attempt writes files of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/ring/descriptor.h"
#include "runtime/worker/call_log.h"

namespace troupe {

class StateFolder {
 public:
  /// Makes it where it is not there, and takes it over from all earlier attempts. Fails with: refused (it is a later
  /// one's), unavailable.
  static Result<StateFolder> take_over(std::string path, AttemptId attempt);

  struct Found {
    std::optional<Checkpoint> checkpoint;  ///< The last that is whole; none: there never was one.
    std::vector<LoggedCall> calls;         ///< After it.
    std::vector<std::string> damaged;      ///< Of later checkpoints, each: why it is not taken.
  };
  /// Fails with: corrupt (the file, the byte, what was found), unavailable.
  Result<Found> read();

  /// Begins the next generation: its log, if there is to be one, then its checkpoint, which is on disk when this
  /// returns well. The checkpoint before it is kept, with its log; what is older goes.
  ///
  /// Fails with: unavailable, refused (a later attempt took over). Where that is of the checkpoint the log goes on.
  Result<void> begin(const Checkpoint& checkpoint, bool with_log);
  /// Begins a log that is never cut, with the calls so far. What is older goes. Fails with: unavailable, refused.
  Result<void> begin_log(const std::vector<LoggedCall>& so_far);

  /// On disk when this returns well; otherwise it may be there or not, and nothing more may be appended.
  ///
  /// Fails with: unavailable, refused (a later attempt took over).
  Result<void> append(const std::vector<LoggedCall>& calls);

 private:
  StateFolder(std::string path, AttemptId attempt) : path_(std::move(path)), next_{attempt, 0} {}

  std::string file(const std::string& name) const { return path_ + '/' + name; }
  Result<void> check_owner() const;
  Result<void> commit(const std::string& name, std::string_view bytes) const;
  Result<void> open_log(Generation generation, std::uint64_t batches);
  FoundFiles files() const;
  void remove_unfinished() const;
  void remove_before(Generation generation) const;

  std::string path_;
  Generation next_;
  std::optional<Generation> last_checkpoint_;
  std::optional<Descriptor> log_;
  std::string log_path_;
  std::uint64_t batches_ = 0;  // In the log.
};

}  // namespace troupe
